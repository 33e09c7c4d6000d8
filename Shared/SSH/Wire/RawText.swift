/// Text of a peer as it came: bytes that are usually UTF-8 and need not be.
///
/// Commands and values of variables are the program's own affair and reach it unchanged; whoever
/// shows or compares them takes `text`.
package struct RawText: Sendable, Hashable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(_ text: String) { bytes = Array(text.utf8) }

    /// For people and rules; bytes that are not UTF-8 become U+FFFD.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The text, or `nil` when the bytes are not UTF-8.
    package var exactText: String? { String(validating: bytes, as: UTF8.self) }

    package var isEmpty: Bool { bytes.isEmpty }
}

extension RawText: ExpressibleByStringInterpolation {
    package init(stringLiteral text: String) { self.init(text) }
}

extension RawText: CustomStringConvertible {
    package var description: String { text }
}
