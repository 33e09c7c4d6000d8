/// The bounds of rules; beyond them files are refused, and answers too.
package enum RuleLimits {
    /// In all directories together.
    package static let files = 1000
    /// Bytes of all files together.
    package static let bytes = 16 << 20
    package static let rules = 10_000
    /// Bytes of an answer's values, files included. Gateways take no reply of more than 4 MiB, of
    /// which files in base64 need a third more than this.
    package static let outputBytes = 1 << 20
}
