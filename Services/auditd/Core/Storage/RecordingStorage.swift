package import AuditClient
package import NIOCore

/// Where finished recordings go; knows bytes and nothing of what they mean.
package protocol RecordingStorage: Sendable {
    /// Takes over a finished recording: durable here and gone from `path` once this returns.
    /// Harmless when it is repeated after a crash in between.
    func store(_ id: RecordingID, from path: String) async throws

    /// Whether a recording of that name is here; never true for one that is not complete. Blocks
    /// shortly.
    func contains(_ id: RecordingID) -> Bool

    /// At most `count` bytes from `offset`, none at the end; `nil` if the recording is not here.
    func read(_ id: RecordingID, at offset: UInt64, count: Int) async throws -> ByteBuffer?

    /// `nil` if the recording is not here.
    func status(_ id: RecordingID) async throws -> StoredStatus?

    /// All that is here, for making the index anew.
    func list() async throws -> [RecordingID]
}

/// What a storage knows of a recording.
package struct StoredStatus: Sendable, Hashable {
    /// In bytes.
    package var size: UInt64
    /// Nanoseconds since the Unix epoch.
    package var modifiedAt: Int64

    package init(size: UInt64, modifiedAt: Int64) {
        self.size = size
        self.modifiedAt = modifiedAt
    }
}
