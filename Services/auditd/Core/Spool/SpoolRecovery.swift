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
    /// Recordings some of whose bytes are not what was synced.
    private(set) var damaged: Set<RecordingID> = []
    /// Of those the place where that begins, as long as it is the last that is known.
    private var tails: [RecordingID: UInt64] = [:]
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
            guard isHere(id) || !isStored(id) else { return }
            recordings[id] = .init(length: length, spooled: spooled)
        case .append(let id, let offset, let bytes):
            guard recordings[id] != nil else { return }
            try file(id).write(bytes, at: offset)
            recordings[id]?.length = offset + UInt64(bytes.readableBytes)
            tails[id] = nil
        case .extent(let id, let offset, let length, let checksum):
            guard recordings[id] != nil else { return }
            recordings[id]?.length = offset + length
            let isWhole = try file(id).checksum(from: offset, count: length) == checksum
            if isWhole { tails[id] = nil } else { damaged.insert(id) }
            if !isWhole, tails[id] == nil { tails[id] = offset }
        case .finish(let id, let endedAt, let isInterrupted):
            recordings[id]?.spooled.state = isInterrupted ? .interrupted : .finished
            recordings[id]?.spooled.endedAt = endedAt
        case .stored(let id, let length):
            recordings[id] = nil
            tombstones.add(id, length: length)
        }
    }

    /// Cuts off what was never acknowledged, makes what was written durable, and adopts files that
    /// the journal doesn't know rather than ever deleting bytes.
    mutating func finish() throws -> [RecordingID: SpoolEngine.Recording] {
        for (id, recording) in recordings {
            let file = try file(id)
            let length = min(recording.length, tails[id] ?? .max)
            if try file.size() > length { try file.truncate(to: length) }
            // Shorter: a disk that lost synced bytes. The list shows what is really there.
            recordings[id]?.length = try file.size()
            if try file.size() < length { damaged.insert(id) }
            try file.sync()
            recordings[id]?.isNamed = true
        }
        open = nil
        try adopt()
        try Folder.sync(folder)
        return recordings
    }

    private mutating func adopt() throws {
        let names = try Folder.names(in: folder)
        // Nothing of these was acknowledged, or the journal would know them.
        for name in names where name.hasSuffix(".new") && RecordingID(name.dropLast(4)) != nil {
            try Folder.remove("\(folder)/\(name)")
        }
        for name in names where name.hasSuffix(".part") {
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

    private func isHere(_ id: RecordingID) -> Bool {
        Folder.exists(SpoolEngine.partPath(folder, id))
            || Folder.exists(SpoolEngine.draftPath(folder, id))
    }

    private mutating func file(_ id: RecordingID) throws -> OpenFile {
        if let open, open.id == id { return open.file }
        let path = SpoolEngine.partPath(folder, id)
        let draft = SpoolEngine.draftPath(folder, id)
        // Stopped between the journal and that, or its new name was lost.
        if !Folder.exists(path), Folder.exists(draft) { try Folder.rename(draft, to: path) }
        let file = try OpenFile(path, O_RDWR | O_CREAT)
        open = (id, file)
        return file
    }
}

extension OpenFile {
    /// The CRC-32 of a part of it; of what there is where it is shorter.
    fileprivate func checksum(from offset: UInt64, count: UInt64) throws(FileError) -> UInt32 {
        var sum: UInt32 = 0
        var rest = count
        while rest > 0 {
            let bytes = try read(at: offset + count - rest, count: Int(min(rest, 1 << 20)))
            guard bytes.readableBytes > 0 else { return sum }
            sum = bytes.checksum(sum)
            rest -= UInt64(bytes.readableBytes)
        }
        return sum
    }
}
