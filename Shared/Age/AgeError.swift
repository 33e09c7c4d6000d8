/// Why a file of the age format can't be read, or a key is none.
package enum AgeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file begins with other bytes.
    case notAge
    /// What stands before the encrypted bytes is not as the format has it.
    case malformedHeader
    /// None of the identities opens the file.
    case noIdentity
    /// The header was changed.
    case headerChanged
    /// The file ends too early.
    case truncated
    /// A chunk was changed, or does not stand where it was written; counted from 0.
    case damagedChunk(UInt64)
    /// A recipient or an identity is misspelt.
    case malformedKey

    package var description: String {
        switch self {
        case .notAge: "not an age file"
        case .malformedHeader: "the header is malformed"
        case .noIdentity: "none of the identities opens it"
        case .headerChanged: "the header was changed"
        case .truncated: "it was cut off"
        case .damagedChunk(let number): "chunk \(number) was changed or moved"
        case .malformedKey: "not a key of age"
        }
    }
}
