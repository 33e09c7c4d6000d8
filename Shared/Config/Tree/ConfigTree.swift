/// A configuration before it has types: what YAML and JSON files, overrides and webhook replies hold.
///
/// A plain YAML scalar becomes a boolean or a number only if its text is how that value is
/// normally written (`true`, `22`, `1.5`); `yes`, `0x16` or `007` stay strings, and a field of
/// type boolean or number understands them. So no text is lost where a string is wanted.
package indirect enum ConfigTree: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case list([ConfigTree])
    case map([String: ConfigTree])
}

extension ConfigTree {
    /// The value under `key` if this is a map that has it.
    package subscript(_ key: String) -> ConfigTree? {
        guard case .map(let map) = self else { return nil }
        return map[key]
    }

    /// The value under a key path such as `docker.execution.host`.
    package subscript(path path: [String]) -> ConfigTree? {
        path.reduce(self) { tree, key in tree?[key] }
    }

    /// What kind of value this is, for messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .double: "a number"
        case .string: "a string"
        case .list: "a list"
        case .map: "a map"
        }
    }

    /// A short form for messages; never more than a line.
    package var summary: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): quoted(value)
        case .list, .map: kind
        }
    }

    private func quoted(_ text: String) -> String {
        let limit = 80
        let shown = text.count > limit ? text.prefix(limit) + "…" : text[...]
        return "\"" + shown.map { $0.isNewline ? "\\n" : String($0) }.joined() + "\""
    }
}

extension ConfigTree: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByFloatLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(arrayLiteral elements: ConfigTree...) { self = .list(elements) }
    package init(dictionaryLiteral elements: (String, ConfigTree)...) {
        self = .map(Dictionary(elements) { _, last in last })
    }
}
