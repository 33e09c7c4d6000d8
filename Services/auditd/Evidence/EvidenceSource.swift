package import AuditClient
package import NIOCore
package import SharedMessages

/// Where recordings and their evidence are read from. What is not there is `nil`.
package protocol EvidenceSource: Sendable {
    /// The next bytes of the ledger from `offset`; empty at the end.
    func ledger(at offset: UInt64) async throws -> ByteBuffer?
    func head() async throws -> ByteBuffer?
    /// The hashes after each block.
    func links(_ id: RecordingID) async throws -> ByteBuffer?
    /// The next bytes of a recording from `offset`; empty at the end.
    func recording(_ id: RecordingID, at offset: UInt64) async throws -> ByteBuffer?
    /// All recordings that are there.
    func names() async throws -> [RecordingID]
}

/// Something that is not as it was recorded.
package struct EvidenceFinding: Sendable, Hashable {
    package var code: MessageCode
    /// What it is about: a recording's name, or a part of the ledger.
    package var subject: String
    package var detail: String
}
