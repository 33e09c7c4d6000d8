/// Walks the keys of a section: one implementation reads them, one writes them, one lists them.
package protocol ConfigVisitor {
    /// A key that holds one value.
    mutating func field<Value: ConfigValue>(_ key: String, _ value: inout Value)

    /// A key that holds a section; its rules are checked only if `checked` is true.
    mutating func section<Section: ConfigSection>(
        _ key: String,
        _ section: inout Section,
        checked: Bool
    )

    /// A key that holds a list of sections; each starts from that type's defaults.
    mutating func sections<Section: ConfigSection>(_ key: String, _ list: inout [Section])
}

extension ConfigVisitor {
    /// A key that holds a section whose rules always apply.
    package mutating func section<Section: ConfigSection>(
        _ key: String,
        _ section: inout Section
    ) {
        self.section(key, &section, checked: true)
    }
}
