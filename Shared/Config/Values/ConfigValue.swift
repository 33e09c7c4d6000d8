/// Something that can be the value of one key.
package protocol ConfigValue: Sendable, Equatable {
    /// Reads a value; says what is wrong and returns `nil` if it cannot.
    static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Self?

    /// How the value is written; secrets as `***` unless they are to be shown.
    func tree(showSecrets: Bool) -> ConfigTree

    /// What such a value looks like in a file.
    static var shape: ConfigShape { get }
}

/// What the value of a key looks like in a file.
package enum ConfigShape: Sendable {
    case scalar
    /// A scalar too, and a number of nanoseconds where a webhook says it.
    case duration
    case list
    /// A map whose keys are free.
    case map
}

extension ConfigValue {
    package static var shape: ConfigShape { .scalar }
}

extension Bool: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Bool? {
        switch tree {
        case .bool(let value): return value
        case .string("yes"), .string("Yes"), .string("YES"), .string("on"), .string("On"),
            .string("ON"), .string("True"), .string("TRUE"):
            return true
        case .string("no"), .string("No"), .string("NO"), .string("off"), .string("Off"),
            .string("OFF"), .string("False"), .string("FALSE"):
            return false
        default:
            problems.append(ConfigProblem(path, value: tree.summary, "must be true or false"))
            return nil
        }
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .bool(self) }
}

extension Int: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Int? {
        switch tree {
        case .integer(let value): return value
        case .double(let value):
            if let exact = Int(exactly: value) { return exact }
        case .string(let text):
            if let value = unusualInteger(text) { return value }
        case .null, .bool, .list, .map: break
        }
        problems.append(ConfigProblem(path, value: tree.summary, "must be a whole number"))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .integer(self) }

    /// Hexadecimal, octal and binary, and digits with leading zeros or separators, as YAML has them.
    private static func unusualInteger(_ text: String) -> Int? {
        let digits = text.filter { $0 != "_" }
        guard String(Int(digits) ?? 0) != text else { return nil }
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) {
            return Int(digits.dropFirst(2), radix: radix)
        }
        return digits.isEmpty ? nil : Int(digits)
    }
}

extension Double: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Double? {
        switch tree {
        case .double(let value): return value
        case .integer(let value): return Double(value)
        case .string(let text):
            if let value = Double(text), value.isFinite, "\(value)" != text { return value }
        case .null, .bool, .list, .map: break
        }
        problems.append(ConfigProblem(path, value: tree.summary, "must be a number"))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .double(self) }
}

extension String: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> String? {
        if let text = text(of: tree) { return text }
        problems.append(ConfigProblem(path, value: tree.summary, "must be a string"))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .string(self) }

    /// A scalar's text: `tlsVersion: 1.3` means the string.
    static func text(of tree: ConfigTree) -> String? {
        switch tree {
        case .string(let text): text
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .double(let value): "\(value)"
        case .null, .list, .map: nil
        }
    }
}

extension ConfigTree: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> ConfigTree? {
        tree
    }

    package func tree(showSecrets: Bool) -> ConfigTree { self }

    package static var shape: ConfigShape { .map }
}

extension Array: ConfigValue where Element: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> [Element]? {
        guard case .list(let items) = tree else {
            problems.append(ConfigProblem(path, value: tree.summary, "must be a list"))
            return nil
        }
        var result: [Element] = []
        for (index, item) in items.enumerated() {
            let place = "\(path)[\(index)]"
            guard let value = Element.read(item, at: place, problems: &problems) else { continue }
            result.append(value)
        }
        return result.count == items.count ? result : nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree {
        .list(map { $0.tree(showSecrets: showSecrets) })
    }

    package static var shape: ConfigShape { .list }
}

extension Dictionary: ConfigValue where Key == String, Value: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> [String: Value]? {
        guard case .map(let items) = tree else {
            problems.append(ConfigProblem(path, value: tree.summary, "must be a map"))
            return nil
        }
        var result: [String: Value] = [:]
        for (key, item) in items.sorted(by: { $0.key < $1.key }) {
            result[key] = Value.read(item, at: join(path, key), problems: &problems)
        }
        return result.count == items.count ? result : nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree {
        .map(mapValues { $0.tree(showSecrets: showSecrets) })
    }

    package static var shape: ConfigShape { .map }
}
