/// A part of the configuration with defaults, keys and rules of its own.
///
/// Decoding, dumping and the list of known keys all come from `visit`, so they cannot disagree.
package protocol ConfigSection: Sendable, Equatable {
    /// The defaults.
    init()

    /// Names every key with the property it fills, in the order of the dump.
    mutating func visit(_ visitor: inout some ConfigVisitor)

    /// The broken rules of this section itself; nested sections are asked separately.
    func problems(at path: String) -> [ConfigProblem]
}

extension ConfigSection {
    package func problems(at path: String) -> [ConfigProblem] { [] }
}
