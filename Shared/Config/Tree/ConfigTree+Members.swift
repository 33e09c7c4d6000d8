/// For trees whose shape somebody else gives, such as objects of an API.
extension ConfigTree {
    /// The scalar under `key` as it is written, else an empty string.
    package func text(_ key: String) -> String { self[key]?.scalarText ?? "" }

    /// A scalar as it is written; `nil` for everything else.
    package var scalarText: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .double(let number): "\(number)"
        case .bool(let isTrue): "\(isTrue)"
        case .null, .list, .map: nil
        }
    }

    /// `nil` for whatever is no whole number.
    package var wholeNumber: Int? {
        if case .integer(let number) = self { return number }
        return nil
    }

    /// Those of a map; empty for whatever is none.
    package var members: [String: ConfigTree] {
        if case .map(let members) = self { return members }
        return [:]
    }

    /// Those of a list; empty for whatever is none.
    package var elements: [ConfigTree] {
        if case .list(let items) = self { return items }
        return []
    }
}
