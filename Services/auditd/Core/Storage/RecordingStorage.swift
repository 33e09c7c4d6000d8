package import AuditClient
package import NIOCore

/// Where recordings go; knows bytes and nothing of what they mean.
///
/// A recording's file stays in the spool until every storage has acknowledged it.
package protocol RecordingStorage: Sendable {
    /// One word, for log lines and as a label of metrics.
    var name: String { get }

    /// Tells of recordings that began, grew, got other facts or ended, also repeatedly. Returns
    /// soon: the work happens in `run`.
    func take(_ recordings: [SpooledRecording]) async

    /// Stores what was taken, and tries again for ever what fails; ends when it is cancelled.
    /// `acknowledge` is called once a finished recording is durable here and complete.
    func run(_ acknowledge: @escaping @Sendable ([RecordingID]) -> Void) async

    /// Whether a recording of that name is here, as far as that can be told without asking another
    /// machine; never true for one that is not complete. Blocks shortly.
    func contains(_ id: RecordingID) -> Bool

    /// At most `count` bytes from `offset`, none at the end; `nil` if the recording is not here.
    func read(_ id: RecordingID, at offset: UInt64, count: Int) async throws -> ByteBuffer?

    /// `nil` if the recording is not here.
    func status(_ id: RecordingID) async throws -> StoredStatus?

    /// All that is here, for making the index anew.
    func list() async throws -> [RecordingID]

    /// Keeps a short file of auditd's own beside the recordings, in place of what had that name;
    /// durable once it returns. The name has a dot, so that it is no recording's.
    func put(_ name: String, _ bytes: ByteBuffer) async throws

    /// As above, for a file of any length that stays until this returns.
    func put(_ name: String, from path: String) async throws

    /// What `put` keeps under that name; `nil` if there is nothing.
    func get(_ name: String) async throws -> ByteBuffer?
}

/// A recording in the spool, as a storage sees it.
package struct SpooledRecording: Sendable, Hashable {
    package var id: RecordingID
    package var path: String
    /// Durable bytes.
    package var length: UInt64
    package var facts: RecordingFacts
    /// Whether it has ended.
    package var isFinished: Bool
    /// An earlier run took it, and may have begun to store it.
    package var isRecovered: Bool

    package init(
        id: RecordingID,
        path: String,
        length: UInt64,
        facts: RecordingFacts,
        isFinished: Bool,
        isRecovered: Bool
    ) {
        self.id = id
        self.path = path
        self.length = length
        self.facts = facts
        self.isFinished = isFinished
        self.isRecovered = isRecovered
    }
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
