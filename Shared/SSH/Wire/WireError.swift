/// Why bytes from a peer or a file are not the SSH types they should be (RFC 4251 §5).
package enum WireError: Error, Sendable, Hashable {
    /// The bytes end within a value.
    case truncated
    /// A value is longer than the caller allows.
    case tooLong
    /// Text that should be UTF-8 is not.
    case notUTF8
    /// A name-list holds an empty name, a non-ASCII or control character, or too many names.
    case badNameList
    /// A number that must not be negative is.
    case negativeNumber
    /// Bytes follow the last value.
    case trailingBytes
}
