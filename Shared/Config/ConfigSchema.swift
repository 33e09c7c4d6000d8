/// Which keys exist, and what their values look like.
package indirect enum ConfigSchema: Sendable {
    case section([String: ConfigSchema])
    case sections(ConfigSchema)
    case value(ConfigShape)

    package static func of(_ section: some ConfigSection) -> ConfigSchema {
        var lister = SchemaLister()
        var copy = section
        copy.visit(&lister)
        return .section(lister.keys)
    }

    /// The keys below this one, if it is a section.
    package var keys: [String: ConfigSchema]? {
        guard case .section(let keys) = self else { return nil }
        return keys
    }

    /// The key path that is meant by one whose case, hyphens and underscores may differ, and the
    /// shape of its value; `nil` if there is none. Keys of free maps are taken from `tree` where
    /// one fits, else as they are written.
    func resolve(_ path: some Collection<String>, in tree: ConfigTree?) -> ResolvedKey? {
        guard let name = path.first else {
            switch self {
            case .section: return ResolvedKey(path: [], shape: .map)
            case .sections: return ResolvedKey(path: [], shape: .list)
            case .value(let shape): return ResolvedKey(path: [], shape: shape)
            }
        }
        switch self {
        case .section(let keys):
            guard let (key, schema) = Self.match(name, keys) else { return nil }
            let rest = schema.resolve(path.dropFirst(), in: tree?[key])
            return rest.map { ResolvedKey(path: [key] + $0.path, shape: $0.shape) }
        case .value(.map):
            let key = Self.freeKey(name, in: tree)
            let rest = resolve(path.dropFirst(), in: tree?[key])
            let shape = path.count == 1 ? ConfigShape.scalar : .map
            return rest.map { ResolvedKey(path: [key] + $0.path, shape: shape) }
        case .value, .sections: return nil
        }
    }

    /// A tree with every key in the spelling of the schema, where only case differs.
    func canonical(_ tree: ConfigTree) -> ConfigTree {
        switch (self, tree) {
        case (.section(let keys), .map(let map)):
            var result: [String: ConfigTree] = [:]
            for (name, value) in map.sorted(by: { $0.key < $1.key }) {
                let spelled = keys.keys.first { $0.lowercased() == name.lowercased() } ?? name
                let key = keys[name] == nil && map[spelled] == nil ? spelled : name
                result[key] = keys[key]?.canonical(value) ?? value
            }
            return .map(result)
        case (.sections(let schema), .list(let items)): return .list(items.map(schema.canonical))
        default: return tree
        }
    }

    private static func match(_ name: String, _ keys: [String: ConfigSchema])
        -> (String, ConfigSchema)?
    {
        if let exact = keys[name] { return (name, exact) }
        let folded = Spelling.folded(name)
        return keys.first { Spelling.folded($0.key) == folded }.map { ($0.key, $0.value) }
    }

    private static func freeKey(_ name: String, in tree: ConfigTree?) -> String {
        guard case .map(let map)? = tree, map[name] == nil else { return name }
        return map.keys.sorted().first { $0.lowercased() == name.lowercased() } ?? name
    }
}

/// A key path in the spelling of the schema.
struct ResolvedKey {
    var path: [String]
    var shape: ConfigShape
}

/// Lists the keys of a section.
private struct SchemaLister: ConfigVisitor {
    var keys: [String: ConfigSchema] = [:]

    mutating func field<Value: ConfigValue>(_ key: String, _ value: inout Value) {
        keys[key] = .value(Value.shape)
    }

    mutating func section<Section: ConfigSection>(
        _ key: String,
        _ section: inout Section,
        checked: Bool
    ) {
        keys[key] = .of(section)
    }

    mutating func sections<Section: ConfigSection>(_ key: String, _ list: inout [Section]) {
        keys[key] = .sections(.of(Section()))
    }
}
