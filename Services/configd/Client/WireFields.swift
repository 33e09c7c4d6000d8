import FoundationEssentials
import SharedConfig
import SharedModels

/// Takes a body of the webhook apart and notes what does not fit. Names of fields match whatever
/// their case.
struct WireFields {
    private var members: [String: ConfigTree] = [:]
    private var problems: [ConfigProblem] = []

    init(_ tree: ConfigTree) {
        switch tree {
        case .map(let map):
            let sorted = map.sorted { $0.key < $1.key }
            members = Dictionary(sorted.map { ($0.key.lowercased(), $0.value) }) { $1 }
        case .null: break
        case .bool, .integer, .double, .string, .list:
            problems = [ConfigProblem("", "must be a JSON object")]
        }
    }

    /// Throws everything that did not fit.
    func check() throws(ConfigProblems) {
        guard problems.isEmpty else { throw ConfigProblems(problems) }
    }

    mutating func string(_ key: String, isNeeded: Bool = false) -> String {
        switch members[key.lowercased()] ?? .null {
        case .string(let text): return text
        case .null:
            if isNeeded { problems.append(ConfigProblem(key, "must be set")) }
        case .bool, .integer, .double, .list, .map:
            problems.append(ConfigProblem(key, "must be a string"))
        }
        return ""
    }

    mutating func map(_ key: String) -> ConfigTree {
        let value = members[key.lowercased()] ?? .null
        switch value {
        case .map, .null: return value
        case .bool, .integer, .double, .string, .list:
            problems.append(ConfigProblem(key, "must be a JSON object"))
            return .null
        }
    }

    mutating func metadata() -> ConnectionMetadata {
        var result = ConnectionMetadata()
        for (name, value) in values("metadata") {
            result.metadata[name] = MetadataValue(value.text, sensitive: value.isSensitive)
        }
        for (name, value) in values("environment") {
            result.environment[name] = MetadataValue(value.text, sensitive: value.isSensitive)
        }
        for (path, value) in values("files") {
            if Data(base64Encoded: value.text) == nil {
                problems.append(ConfigProblem("files", "must hold padded base64 (RFC 4648 §4)"))
            }
            result.files[path] = .init(base64: value.text, sensitive: value.isSensitive)
        }
        return result
    }

    private mutating func values(_ key: String) -> [String: (text: String, isSensitive: Bool)] {
        guard case .map(let map) = map(key) else { return [:] }
        var result: [String: (text: String, isSensitive: Bool)] = [:]
        for (name, member) in map {
            var fields = WireFields(member)
            let text = fields.string("value")
            let isSensitive = fields.bool("sensitive")
            if !fields.problems.isEmpty {
                let rule = "must hold objects of a string value and a boolean sensitive"
                problems.append(ConfigProblem(key, rule))
            }
            result[name] = (text, isSensitive)
        }
        return result
    }

    private mutating func bool(_ key: String) -> Bool {
        switch members[key] ?? .null {
        case .bool(let value): return value
        case .null: return false
        case .integer, .double, .string, .list, .map:
            problems.append(ConfigProblem(key, "must be true or false"))
            return false
        }
    }
}

extension ConnectionMetadata {
    /// Adds the three maps to a body; empty ones are left out.
    func write(to body: inout [String: ConfigTree]) {
        func tree(_ value: String, _ sensitive: Bool) -> ConfigTree {
            ["value": .string(value), "sensitive": .bool(sensitive)]
        }
        if !metadata.isEmpty {
            body["metadata"] = .map(metadata.mapValues { tree($0.value, $0.sensitive) })
        }
        if !environment.isEmpty {
            body["environment"] = .map(environment.mapValues { tree($0.value, $0.sensitive) })
        }
        if !files.isEmpty {
            body["files"] = .map(files.mapValues { tree($0.value, $0.sensitive) })
        }
    }

    /// Without what its giver marked as sensitive.
    var withoutSensitive: ConnectionMetadata {
        ConnectionMetadata(
            metadata: metadata.filter { !$0.value.sensitive },
            environment: environment.filter { !$0.value.sensitive },
            files: files.filter { !$0.value.sensitive }
        )
    }
}
