package import SharedMessages

/// A configuration that was read and keeps every rule.
package struct LoadedConfig: Sendable {
    package let config: BerthConfig
    /// What is worth a word in the log, each once.
    package let warnings: [ConfigWarning]
    /// Key path to where it was written, such as `line 12` or `BERTH_SSH__LISTEN`.
    package let origins: [String: String]
}

/// Something that is accepted, but that its author should know about.
package struct ConfigWarning: Sendable, Hashable {
    package let code: MessageCode
    /// What it is about; holds no values.
    package let text: String

    package init(_ code: MessageCode, _ text: String) {
        self.code = code
        self.text = text
    }
}
