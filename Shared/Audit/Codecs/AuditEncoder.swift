package import NIOCore

/// Turns the entries of one recording into bytes; knows no files.
///
/// Entries are collected cheaply and leave when they are flushed. The concatenation of all that
/// `flush` and `finish` return is the recording; what was flushed can be read without the rest.
package protocol AuditEncoder: Sendable {
    /// Takes an entry. Costs a copy of its data at most.
    mutating func append(_ message: AuditMessage)

    /// The bytes of the entries since the last flush; empty if there were none.
    mutating func flush(using deflater: Deflater) -> ByteBuffer

    /// The last bytes. Nothing may be appended afterwards.
    mutating func finish(using deflater: Deflater) -> ByteBuffer
}
