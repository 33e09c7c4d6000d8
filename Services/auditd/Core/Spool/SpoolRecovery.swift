import AuditClient
import NIOCore
import SharedAudit

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Brings the spool's files into the state that the journal tells.
struct SpoolRecovery {
    private let folder: String
    private let isStored: (RecordingID) -> Bool
    private var recordings: [RecordingID: SpoolEngine.Recording] = [:]
    private(set) var tombstones = Tombstones()
    private var open: (id: RecordingID, file: OpenFile)?

    init(folder: String, isStored: @escaping (RecordingID) -> Bool) {
        self.folder = folder
        self.isStored = isStored
    }

    mutating func apply(_ record: JournalRecord) throws {
        switch record {
        case .recording(let id, let length, let spooled):
            // Moved away, and stopped before that was written down: replaying it would make a
            // second, partial file.
            let isHere = Folder.exists(SpoolEngine.partPath(folder, id))
            guard isHere || !isStored(id) else { return }
            recordings[id] = .init(length: length, spooled: spooled)
        case .append(let id, let offset, let bytes):
            guard recordings[id] != nil else { return }
            try file(id).write(bytes, at: offset)
            recordings[id]?.length = offset + UInt64(bytes.readableBytes)
            recordings[id]?.isDirty = true
        case .finish(let id, let endedAt, let isInterrupted):
            recordings[id]?.spooled.state = isInterrupted ? .interrupted : .finished
            recordings[id]?.spooled.endedAt = endedAt
        case .stored(let id):
            recordings[id] = nil
            tombstones.add(id)
        }
    }

    /// Cuts off what was never acknowledged, makes what was written durable, and adopts files that
    /// the journal doesn't know rather than ever deleting bytes.
    mutating func finish() throws -> [RecordingID: SpoolEngine.Recording] {
        open = nil
        for (id, recording) in recordings {
            let file = try OpenFile(SpoolEngine.partPath(folder, id), O_RDWR | O_CREAT)
            if try file.size() > recording.length { try file.truncate(to: recording.length) }
            // Shorter: a disk that lost synced bytes. The list shows what is really there.
            recordings[id]?.length = try file.size()
            try file.sync()
            recordings[id]?.isDirty = false
        }
        try adopt()
        try Folder.sync(folder)
        return recordings
    }

    private mutating func adopt() throws {
        for name in try Folder.names(in: folder) where name.hasSuffix(".part") {
            guard let id = RecordingID(name.dropLast(".part".count)), recordings[id] == nil else {
                continue
            }
            guard !tombstones.contains(id) else {
                // Stored, and stopped before its file was removed.
                try Folder.remove("\(folder)/\(name)")
                continue
            }
            let file = try OpenFile("\(folder)/\(name)", O_RDWR)
            let size = try file.size()
            guard size > 0 else {
                try Folder.remove(file.path)
                continue
            }
            let inspection = RecordingInspection(
                beginning: try file.read(at: 0, count: RecordingInspection.beginning),
                end: try file.read(at: size - min(size, 10), count: 10),
                modifiedAt: try file.modificationTime()
            )
            recordings[id] = .init(
                length: size,
                spooled: SpooledFacts(
                    facts: inspection.facts,
                    gateway: "",
                    state: .interrupted,
                    endedAt: try file.modificationTime()
                )
            )
        }
    }

    private mutating func file(_ id: RecordingID) throws -> OpenFile {
        if let open, open.id == id { return open.file }
        let file = try OpenFile(SpoolEngine.partPath(folder, id), O_RDWR | O_CREAT)
        open = (id, file)
        return file
    }
}
