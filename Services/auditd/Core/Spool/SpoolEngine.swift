import AuditClient
import NIOCore
import SharedMessages

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Takes batches, makes them durable, and knows every recording that is not stored yet.
///
/// Bytes go into the recording's own file, `<id>.part`. Few of them go into the journal too, and
/// only that is synced: one sync for all recordings. Of many the file is synced, and the journal
/// gets their place and checksum: each byte is written once. When the journal has grown to its
/// limit, the files are synced and it starts anew. A file is called `<id>.new` until the journal
/// knows of it. All calls block and come from one thread; large writes are spread over a few.
final class SpoolEngine {
    struct Recording {
        var length: UInt64
        var spooled: SpooledFacts
        /// Written since the journal began, and not synced.
        var isDirty = false
        /// The file is found under its name after a power cut.
        var isNamed = false
    }

    struct Options: Sendable {
        var folder: String
        /// Bytes that stay free; new recordings are refused below.
        var minimumFree: UInt64 = 256 << 20
        /// What running recordings don't get: without it auditd could neither start nor write down
        /// that something is stored, and the disk would stay full.
        var reserve: UInt64 { minimumFree / 8 }
        var journalLimit: UInt64 = 64 << 20
        /// Bytes of one recording in one group from which on its own file is synced. Below that
        /// writing them twice takes less time than another sync.
        var directFrom = 128 << 10
        /// Bytes beside the journal that a start has to read.
        var directLimit: UInt64 = 1 << 30
        /// Silence of a gateway after which its recordings are finished.
        var lease: Duration = .seconds(300)
        /// Whether a finished recording of that name is stored already.
        var isStored: @Sendable (RecordingID) -> Bool = { _ in false }
        /// Closes a file that is about to be removed.
        var closeFile: @Sendable (OpenFile) throws(FileError) -> Void = { file throws(FileError) in
            try file.close()
        }
    }

    /// Why a stored recording still has its file here.
    enum Leftover: Error {
        /// Nothing was forgotten; it can be tried again.
        case open(FileError)
        /// The next start tries again.
        case present(FileError)
    }

    /// What one group of batches did.
    struct Commit {
        /// Per batch: its results in order of the frames.
        var results: [[FrameResult]]
        var changed: Set<RecordingID>
        var acceptedBytes: Int
    }

    private(set) var recordings: [RecordingID: Recording] = [:]
    /// The journal cannot be trusted any more; only a restart helps.
    private(set) var isBroken = false
    private let options: Options
    private var journal: Journal
    private var files: [RecordingID: OpenFile] = [:]
    private var gateways: [String: ContinuousClock.Instant] = [:]
    private let folderLock: OpenFile
    private let crew = WritingCrew()
    private var tombstones: Tombstones
    /// Bytes that are in files alone, since the journal began.
    private var directBytes: UInt64 = 0
    /// Recordings whose bytes were not as the journal says when they were taken up.
    let damaged: Set<RecordingID>

    /// Takes up what the last run left.
    init(_ options: Options) throws {
        self.options = options
        try Folder.create(options.folder)
        folderLock = try OpenFile("\(options.folder)/lock.file", O_RDWR | O_CREAT)
        guard folderLock.lock() else {
            throw CodedError(
                .auditdDiskFailed,
                detail: "\(options.folder) belongs to another process"
            )
        }
        var recovery = SpoolRecovery(folder: options.folder, isStored: options.isStored)
        let last = try Journal.recover(in: options.folder) { try recovery.apply($0) }
        recordings = try recovery.finish()
        tombstones = recovery.tombstones
        damaged = recovery.damaged
        journal = try Journal(
            in: options.folder,
            number: last + 1,
            beginning: Self.beginning(recordings, tombstones)
        )
        try Journal.removeOld(in: options.folder, before: last + 1)
        let now = ContinuousClock.now
        for recording in recordings.values { gateways[recording.spooled.gateway] = now }
    }

    /// What a journal begins with.
    private static func beginning(
        _ recordings: [RecordingID: Recording],
        _ tombstones: Tombstones
    ) -> [JournalRecord] {
        tombstones.ids.map { .stored($0, length: tombstones.length(of: $0)) }
            + recordings.map { .recording($0, length: $1.length, $1.spooled) }
    }

    /// Where a recording's bytes are while it is not stored.
    static func partPath(_ folder: String, _ id: RecordingID) -> String { "\(folder)/\(id).part" }

    /// Until the journal knows of it: what was never acknowledged is no recording.
    static func draftPath(_ folder: String, _ id: RecordingID) -> String { "\(folder)/\(id).new" }

    func freeBytes() throws(FileError) -> UInt64 { try Folder.freeBytes(options.folder) }

    // MARK: - Batches

    /// Carries out batches and makes all of it durable at once, or nothing of it.
    func commit(_ batches: [RecordingBatch], now: Int64) throws(CodedError) -> Commit {
        guard !isBroken else { throw CodedError(.auditdDiskFailed, detail: "restart is needed") }
        let free = (try? freeBytes()) ?? 0
        guard free >= options.reserve || !batches.contains(where: \.hasBytes) else {
            let detail = "\(free) bytes are free, \(options.reserve) are for what has ended"
            throw CodedError(.auditdDiskFailed, detail: detail, isRetryable: true)
        }
        var group = CommitGroup(hasRoom: free >= options.minimumFree, now: now)
        var results: [[FrameResult]] = []
        do throws(FileError) {
            for batch in batches {
                gateways[batch.gateway] = .now
                var list: [FrameResult] = []
                for frame in batch.frames {
                    list.append(try apply(frame, from: batch.gateway, &group))
                }
                results.append(list)
            }
            try write(&group)
        } catch {
            undo(group)
            throw failure(error)
        }
        try makeDurable(group)
        return Commit(
            results: results,
            changed: Set(group.before.keys),
            acceptedBytes: group.acceptedBytes
        )
    }

    /// Finishes the recordings of gateways that were not heard of for the lease.
    func expireLeases(now: Int64) throws(CodedError) -> Set<RecordingID> {
        guard !isBroken else { return [] }
        let clock = ContinuousClock.now
        let dead = gateways.filter { clock - $0.value > options.lease }.map(\.key)
        guard !dead.isEmpty else { return [] }
        for gateway in dead { gateways[gateway] = nil }
        var group = CommitGroup(hasRoom: true, now: now)
        for (id, recording) in recordings
        where recording.spooled.state == .open && dead.contains(recording.spooled.gateway) {
            group.remember(id, recording)
            end(id, .interrupted, &group)
        }
        try makeDurable(group)
        return Set(group.before.keys)
    }

    /// Forgets recordings that have been stored and removes their files; answers those of which
    /// that failed.
    func forget(_ ids: [RecordingID]) throws(CodedError) -> [RecordingID: Leftover] {
        var leftovers: [RecordingID: Leftover] = [:]
        var group = CommitGroup(hasRoom: true, now: 0)
        for id in ids where recordings[id] != nil {
            if let file = files[id] {
                do throws(FileError) { try options.closeFile(file) } catch {
                    leftovers[id] = .open(error)
                    continue
                }
                files[id] = nil
            }
            group.records.append(.stored(id, length: recordings[id]?.length))
            group.remember(id, recordings.removeValue(forKey: id))
        }
        try makeDurable(group)
        for (id, recording) in group.before {
            tombstones.add(id, length: recording?.length)
            do throws(FileError) { try Folder.remove(Self.partPath(options.folder, id)) } catch {
                leftovers[id] = .present(error)
            }
        }
        return leftovers
    }

    private func apply(
        _ frame: RecordingBatch.Frame,
        from gateway: String,
        _ group: inout CommitGroup
    ) throws(FileError) -> FrameResult {
        switch frame.action {
        case .open(let bytes): return try open(frame.id, bytes, gateway, &group)
        case .append(let offset, let bytes):
            guard let recording = recordings[frame.id] else {
                let (end, isTooLong) = offset.addingReportingOverflow(UInt64(bytes.readableBytes))
                return missing(frame.id) { !isTooLong && end <= $0 }
            }
            return append(frame.id, recording, offset, bytes, gateway, &group)
        case .finish(let length):
            guard let recording = recordings[frame.id] else {
                return missing(frame.id) { length == $0 }
            }
            return finish(frame.id, recording, length, &group)
        }
    }

    /// `isDone` tells from the length of a recording that was stored whether what is asked for was
    /// done then: its answer was lost.
    private func missing(_ id: RecordingID, _ isDone: (UInt64) -> Bool) -> FrameResult {
        guard isStored(id) else { return .refused(404, .auditdUnknownRecording) }
        let length = tombstones.length(of: id)
        if let length, isDone(length) { return FrameResult(status: 200, durable: length) }
        return .refused(410, .auditdRecordingFinished, durable: length ?? 0)
    }

    private func isStored(_ id: RecordingID) -> Bool {
        tombstones.contains(id) || options.isStored(id)
    }

    private func open(
        _ id: RecordingID,
        _ bytes: ByteBuffer,
        _ gateway: String,
        _ group: inout CommitGroup
    ) throws(FileError) -> FrameResult {
        guard let facts = try? BatchJSON.decode(RecordingFacts.self, from: bytes) else {
            return .refused(422, .auditdBadBatch)
        }
        var recording =
            recordings[id]
            ?? Recording(
                length: 0,
                spooled: SpooledFacts(facts: facts, gateway: gateway, state: .open)
            )
        if recordings[id] == nil {
            guard !isStored(id) else { return missing(id) { _ in false } }
            guard group.hasRoom else { return .refused(507, .auditdDiskFloor) }
            group.remember(id, nil)
            files[id] = try OpenFile(path(id, group), O_RDWR | O_CREAT | O_TRUNC)
        } else {
            guard recording.spooled.state == .open else {
                return .refused(410, .auditdRecordingFinished, durable: recording.length)
            }
            group.remember(id, recording)
        }
        recording.spooled.facts = facts
        recording.spooled.gateway = gateway
        recordings[id] = recording
        group.records.append(.recording(id, length: recording.length, recording.spooled))
        return FrameResult(status: 200, durable: recording.length)
    }

    private func append(
        _ id: RecordingID,
        _ recording: Recording,
        _ offset: UInt64,
        _ bytes: ByteBuffer,
        _ gateway: String,
        _ group: inout CommitGroup
    ) -> FrameResult {
        let length = recording.length
        let (end, isTooLong) = offset.addingReportingOverflow(UInt64(bytes.readableBytes))
        guard offset <= length, !isTooLong, end <= UInt64(Int64.max) else {
            return .refused(409, .auditdOffsetGap, durable: length)
        }
        guard end > length else { return FrameResult(status: 200, durable: length) }
        guard recording.spooled.state == .open else {
            return .refused(410, .auditdRecordingFinished, durable: length)
        }
        var fresh = bytes
        fresh.moveReaderIndex(forwardBy: Int(length - offset))
        group.remember(id, recording)
        group.append(id, fresh, at: length)
        recordings[id]?.length = end
        recordings[id]?.spooled.gateway = gateway
        return FrameResult(status: 200, durable: end)
    }

    private func finish(
        _ id: RecordingID,
        _ recording: Recording,
        _ length: UInt64,
        _ group: inout CommitGroup
    ) -> FrameResult {
        guard recording.length == length else {
            return .refused(409, .auditdOffsetGap, durable: recording.length)
        }
        switch recording.spooled.state {
        case .finished: return FrameResult(status: 200, durable: length)
        // All of it is there, so the gateway is right and the lease was not.
        case .open, .interrupted:
            group.remember(id, recording)
            end(id, .finished, &group)
            return FrameResult(status: 200, durable: length)
        }
    }

    private func end(_ id: RecordingID, _ state: RecordingSummary.State, _ group: inout CommitGroup)
    {
        recordings[id]?.spooled.state = state
        recordings[id]?.spooled.endedAt = group.now
        group.records.append(
            .finish(id, endedAt: group.now, isInterrupted: state == .interrupted)
        )
    }

    // MARK: - Durability

    /// Puts the bytes of a group into their files, and makes those durable that are to be there
    /// alone.
    private func write(_ group: inout CommitGroup) throws(FileError) {
        var large: [RecordingID: FileWriter] = [:]
        for case .append(let id, let offset, let bytes) in group.records {
            let file = try file(id, group)
            recordings[id]?.isDirty = true
            if group.size(of: id) >= options.directFrom {
                large[id, default: FileWriter(file)].pieces.append((offset, bytes))
            } else {
                try file.write(bytes, at: offset)
            }
        }
        guard !large.isEmpty else { return }
        try crew.forEach(large.values) { writer throws(FileError) in try writer.write() }
        // What begins in this group is small as a rule, and its name is not durable.
        let direct = group.sizes.filter { $0.value >= options.directFrom && !group.isNew($0.key) }
        // While the disk works.
        group.makeExtents(of: direct)
        let writers = direct.keys.compactMap { large[$0] }
        try crew.forEach(writers) { writer throws(FileError) in try writer.sync() }
        guard !direct.isEmpty else { return }
        if direct.keys.contains(where: { recordings[$0]?.isNamed == false }) {
            try Folder.sync(options.folder)
        }
        for (id, size) in direct {
            recordings[id]?.isNamed = true
            recordings[id]?.isDirty = false
            directBytes += UInt64(size)
        }
    }

    private func makeDurable(_ group: CommitGroup) throws(CodedError) {
        guard !group.records.isEmpty else { return }
        do throws(JournalError) {
            try journal.append(group.journal)
        } catch {
            isBroken = !error.isUsable
            undo(group)
            throw failure(error.cause)
        }
        for id in group.begun {
            do throws(FileError) {
                try Folder.rename(path(id, group), to: Self.partPath(options.folder, id))
            } catch {
                // A restart does it: everything is in the journal.
                isBroken = true
            }
        }
        if journal.size > options.journalLimit || directBytes > options.directLimit {
            restartJournal()
        }
    }

    /// Puts everything back as it was before the group, as nothing of it was acknowledged.
    private func undo(_ group: CommitGroup) {
        for (id, before) in group.before {
            recordings[id] = before
            // What stays in the file behind the end is written over by the next append.
            try? files[id]?.truncate(to: before?.length ?? 0)
            guard before == nil else { continue }
            files[id] = nil
            try? Folder.remove(path(id, group))  // The next start does it.
        }
    }

    private func failure(_ error: FileError) -> CodedError {
        CodedError(.auditdDiskFailed, detail: "\(error)", cause: error, isRetryable: error.isFull)
    }

    /// Moves durability from the journal to the recordings' own files. A failure leaves the old
    /// journal in charge, and the next commit tries again.
    private func restartJournal() {
        do throws(FileError) {
            for (id, recording) in recordings where recording.isDirty {
                try file(id).sync()
            }
            try Folder.sync(options.folder)
            try journal.restart(beginning: Self.beginning(recordings, tombstones))
            directBytes = 0
            for id in recordings.keys {
                recordings[id]?.isDirty = false
                recordings[id]?.isNamed = true
            }
        } catch {
            // A failed sync of a recording's file leaves its pages unknown, as in `Journal`.
            isBroken = !error.isFull
        }
    }

    private func path(_ id: RecordingID, _ group: CommitGroup?) -> String {
        group?.isNew(id) == true
            ? Self.draftPath(options.folder, id) : Self.partPath(options.folder, id)
    }

    /// Keeps some files open; all are closed now and then rather than the oldest one found.
    private func file(
        _ id: RecordingID,
        _ group: CommitGroup? = nil
    ) throws(FileError) -> OpenFile {
        if let file = files[id] { return file }
        if files.count >= 512 { files = [:] }
        let file = try OpenFile(path(id, group), O_RDWR | O_CREAT)
        files[id] = file
        return file
    }
}

extension RecordingBatch {
    /// Whether recordings grow by it.
    fileprivate var hasBytes: Bool {
        frames.contains { frame in
            guard case .append(_, let bytes) = frame.action else { return false }
            return bytes.readableBytes > 0
        }
    }
}

extension FrameResult {
    fileprivate static func refused(
        _ status: Int,
        _ code: MessageCode,
        durable: UInt64 = 0
    ) -> FrameResult {
        FrameResult(status: status, durable: durable, code: code.id)
    }
}
