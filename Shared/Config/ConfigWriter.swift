/// Writes a section out, key by key in its own order.
struct ConfigWriter: ConfigVisitor {
    private let showSecrets: Bool
    private var members: [(key: String, value: OrderedTree)] = []

    static func write(_ section: some ConfigSection, showSecrets: Bool) -> OrderedTree {
        var writer = ConfigWriter(showSecrets: showSecrets)
        var copy = section
        copy.visit(&writer)
        return .map(writer.members)
    }

    private init(showSecrets: Bool) {
        self.showSecrets = showSecrets
    }

    mutating func field<Value: ConfigValue>(_ key: String, _ value: inout Value) {
        members.append((key, .value(value.tree(showSecrets: showSecrets))))
    }

    mutating func section<Section: ConfigSection>(
        _ key: String,
        _ section: inout Section,
        checked: Bool
    ) {
        members.append((key, Self.write(section, showSecrets: showSecrets)))
    }

    mutating func sections<Section: ConfigSection>(_ key: String, _ list: inout [Section]) {
        let items = list.map { Self.write($0, showSecrets: showSecrets) }
        members.append((key, items.isEmpty ? .value(.list([])) : .list(items)))
    }
}
