import AuditClient
import NIOCore

/// What a group of changes needs for being made durable, and for being undone.
struct CommitGroup {
    /// Whether new recordings may begin.
    let hasRoom: Bool
    /// Nanoseconds since the Unix epoch.
    let now: Int64
    /// What the journal is to get, in order.
    var records: [JournalRecord] = []
    private(set) var before: [RecordingID: SpoolEngine.Recording?] = [:]
    /// Bytes that came of each recording.
    private(set) var sizes: [RecordingID: Int] = [:]

    init(hasRoom: Bool, now: Int64) {
        self.hasRoom = hasRoom
        self.now = now
    }

    var acceptedBytes: Int { sizes.values.reduce(0, +) }

    /// Recordings that begin here.
    var begun: [RecordingID] { before.keys.filter(isNew) }

    func isNew(_ id: RecordingID) -> Bool { before[id].map { $0 == nil } ?? false }

    func size(of id: RecordingID) -> Int { sizes[id] ?? 0 }

    mutating func remember(_ id: RecordingID, _ recording: SpoolEngine.Recording?) {
        if before[id] == nil { before[id] = .some(recording) }
    }

    mutating func append(_ id: RecordingID, _ bytes: ByteBuffer, at offset: UInt64) {
        records.append(.append(id, offset: offset, bytes))
        sizes[id, default: 0] += bytes.readableBytes
    }

    /// Leaves the bytes of these recordings out of the journal.
    mutating func makeExtents(of direct: [RecordingID: Int]) {
        for index in records.indices {
            guard case .append(let id, let offset, let bytes) = records[index], direct[id] != nil
            else { continue }
            records[index] = .extent(
                id,
                offset: offset,
                length: UInt64(bytes.readableBytes),
                checksum: bytes.checksum()
            )
        }
    }

    /// The records as the journal has them.
    var journal: ByteBuffer {
        var bytes = ByteBuffer()
        for record in records { record.write(to: &bytes) }
        return bytes
    }
}
