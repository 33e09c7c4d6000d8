extension ConfigTree {
    /// This tree with `patch` laid over it as a JSON Merge Patch (RFC 7396 §2): maps are merged
    /// key by key, `null` removes a key, anything else replaces what was there.
    package func merged(with patch: ConfigTree) -> ConfigTree {
        guard case .map(let changes) = patch else { return patch }
        var result: [String: ConfigTree] = [:]
        if case .map(let existing) = self { result = existing }
        for (key, change) in changes {
            if change == .null {
                result[key] = nil
            } else {
                result[key] = (result[key] ?? .null).merged(with: change)
            }
        }
        return .map(result)
    }

    /// One patch that does what this patch and then `next` do; unlike in `merged`, `null` stays.
    package func followed(by next: ConfigTree) -> ConfigTree {
        guard case .map(let changes) = next, case .map(var result) = self else { return next }
        for (key, change) in changes {
            result[key] = result[key]?.followed(by: change) ?? change
        }
        return .map(result)
    }

    /// Puts `value` at the end of a key path, making maps on the way.
    package mutating func set(_ value: ConfigTree, at path: some Collection<String>) {
        guard let key = path.first else {
            self = value
            return
        }
        var result: [String: ConfigTree] = [:]
        if case .map(let existing) = self { result = existing }
        result[key, default: .null].set(value, at: path.dropFirst())
        self = .map(result)
    }

    /// Takes the value at the end of a key path out, if it is there.
    package mutating func remove(_ path: some Collection<String>) -> ConfigTree? {
        guard let key = path.first, case .map(var map) = self else { return nil }
        defer { self = .map(map) }
        let rest = path.dropFirst()
        return rest.isEmpty ? map.removeValue(forKey: key) : map[key]?.remove(rest)
    }

    /// This tree without values that are empty in their type: `null`, `false`, `0`, `""`, lists
    /// and maps without content. `nil` if nothing is left.
    package var withoutEmptyValues: ConfigTree? {
        switch self {
        case .null, .bool(false), .integer(0), .double(0), .string(""): return nil
        case .bool, .integer, .double, .string: return self
        case .list(let items): return items.isEmpty ? nil : self
        case .map(let map):
            let rest = map.compactMapValues(\.withoutEmptyValues)
            return rest.isEmpty ? nil : .map(rest)
        }
    }
}

extension ConfigTree {
    /// The key paths of everything that is no map, and of empty maps, in order.
    package func leaves(at path: String = "") -> [(path: String, value: ConfigTree)] {
        guard case .map(let map) = self, !map.isEmpty else { return [(path, self)] }
        return map.sorted { $0.key < $1.key }.flatMap { $1.leaves(at: join(path, $0)) }
    }
}
