import Yams

/// Reads YAML into a tree: bounded in size, depth and what aliases unfold to, with a key given
/// twice refused. Only the first document of a text is read; an empty one is an empty map.
package struct YAMLTree {
    private let keepsOrigins: Bool
    private var values = 0
    private var origins: [String: String] = [:]

    private init(keepsOrigins: Bool) {
        self.keepsOrigins = keepsOrigins
    }

    /// Reads the first document; with `keepsOrigins` the result says where each key stands.
    package static func parse(
        _ bytes: [UInt8],
        keepsOrigins: Bool = false
    ) throws(ConfigProblems) -> ParsedTree {
        guard bytes.count <= TreeLimits.bytes else {
            throw ConfigProblems([ConfigProblem("", "is larger than \(TreeLimits.bytes) bytes")])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigProblems([ConfigProblem("", "is not UTF-8 text")])
        }
        if let line = tooDeepLine(bytes) {
            throw ConfigProblems([ConfigProblem("", "is nested too deeply", origin: "line \(line)")]
            )
        }
        guard let root = try compose(text) else { return ParsedTree(tree: .map([:])) }
        var reader = YAMLTree(keepsOrigins: keepsOrigins)
        let tree = try reader.tree(root, at: "", depth: 0)
        return ParsedTree(tree: tree, origins: reader.origins)
    }

    /// What a plain scalar means: `22` the number, `007` and `yes` their text.
    package static func scalar(_ text: String) -> ConfigTree {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: break
        }
        if let value = Int(text), "\(value)" == text { return .integer(value) }
        if let value = Double(text), value.isFinite, "\(value)" == text { return .double(value) }
        return .string(text)
    }

    private static func compose(_ text: String) throws(ConfigProblems) -> Node? {
        do {
            return try Parser(yaml: text).nextRoot()
        } catch let error as YamlError {
            throw ConfigProblems([problem(error)])
        } catch {
            throw ConfigProblems([ConfigProblem("", "is not YAML: \(error)")])
        }
    }

    /// The error without the line of text that it quotes, which may hold a secret.
    private static func problem(_ error: YamlError) -> ConfigProblem {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ConfigProblem("", "is not YAML: \(problem)", origin: "line \(mark.line)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            ConfigProblem(
                "",
                "has a key twice: " + duplicates.sorted().joined(separator: ", "),
                origin: "line \(context.mark.line)"
            )
        case .reader(let problem, _, _, _): ConfigProblem("", "is not YAML: \(problem)")
        default: ConfigProblem("", "is not YAML")
        }
    }

    /// The line from which on the parser, which recurses, would have to go too deep.
    ///
    /// Depth in block style shows as indentation, and in flow style as open brackets. Brackets
    /// in strings count too, which only makes the bound stricter.
    private static func tooDeepLine(_ bytes: [UInt8]) -> Int? {
        let limit = 512
        var (line, indentation, brackets) = (1, 0, 0)
        var isIndentation = true
        for byte in bytes {
            switch byte {
            case 0x0A:
                line += 1
                indentation = 0
                isIndentation = true
                continue
            case UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"):
                if isIndentation { indentation += 1 }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                isIndentation = false
                brackets += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                isIndentation = false
                brackets = max(0, brackets - 1)
            default: isIndentation = false
            }
            if indentation > limit || brackets > limit { return line }
        }
        return nil
    }

    private mutating func tree(_ node: Node, at path: String, depth: Int) throws(ConfigProblems)
        -> ConfigTree
    {
        values += 1
        let origin = node.mark.map { "line \($0.line)" }
        guard depth <= TreeLimits.depth else {
            throw ConfigProblems([ConfigProblem("", "is nested too deeply", origin: origin)])
        }
        guard values <= TreeLimits.values else {
            throw ConfigProblems([ConfigProblem("", "holds too many values", origin: origin)])
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain && node.tag != Tag(.str)
            return isPlain ? Self.scalar(scalar.string) : .string(scalar.string)
        case .sequence(let sequence):
            var items: [ConfigTree] = []
            for (index, item) in sequence.enumerated() {
                let place = keepsOrigins ? "\(path)[\(index)]" : ""
                if keepsOrigins { origins[place] = item.mark.map { "line \($0.line)" } }
                items.append(try tree(item, at: place, depth: depth + 1))
            }
            return .list(items)
        case .mapping(let mapping): return try map(mapping, at: path, depth: depth)
        case .alias:
            throw ConfigProblems([ConfigProblem(path, "has an unknown alias", origin: origin)])
        }
    }

    private mutating func map(_ mapping: Node.Mapping, at path: String, depth: Int)
        throws(ConfigProblems) -> ConfigTree
    {
        var result: [String: ConfigTree] = [:]
        var merged: [ConfigTree] = []
        for (keyNode, valueNode) in mapping {
            let origin = keyNode.mark.map { "line \($0.line)" }
            guard case .scalar(let scalar) = keyNode else {
                let rule = "has a key that is not a string"
                throw ConfigProblems([ConfigProblem(path, rule, origin: origin)])
            }
            let key = scalar.string
            let place = keepsOrigins ? join(path, key) : ""
            if keepsOrigins { origins[place] = origin }
            let value = try tree(valueNode, at: place, depth: depth + 1)
            if key == "<<", scalar.style == .plain {
                if case .list(let several) = value {
                    merged += several
                } else {
                    merged.append(value)
                }
            } else {
                result[key] = value
            }
        }
        for case .map(let map) in merged { result.merge(map) { own, _ in own } }
        return .map(result)
    }
}
