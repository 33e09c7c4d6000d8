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
/// Bytes go into the recording's own file, `<id>.part`, without sync, and into the journal with
/// one. When the journal has grown to its limit, the files are synced and it starts anew. All
/// calls block and come from one thread.
final class SpoolEngine {
    struct Recording {
        var length: UInt64
        var spooled: SpooledFacts
        /// Written since the journal began.
        var isDirty = false
    }

    struct Options: Sendable {
        var folder: String
        /// Bytes that stay free; new recordings are refused below.
        var minimumFree: UInt64 = 256 << 20
        var journalLimit: UInt64 = 64 << 20
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
    private var tombstones: Tombstones

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
        tombstones.ids.map { .stored($0) }
            + recordings.map { .recording($0, length: $1.length, $1.spooled) }
    }

    /// Where a recording's bytes are while it is not stored.
    static func partPath(_ folder: String, _ id: RecordingID) -> String { "\(folder)/\(id).part" }

    func freeBytes() throws(FileError) -> UInt64 { try Folder.freeBytes(options.folder) }

    // MARK: - Batches

    /// Carries out batches and makes all of it durable at once, or nothing of it.
    func commit(_ batches: [RecordingBatch], now: Int64) throws(CodedError) -> Commit {
        guard !isBroken else { throw CodedError(.auditdDiskFailed, detail: "restart is needed") }
        var group = Group(hasRoom: ((try? freeBytes()) ?? 0) >= options.minimumFree, now: now)
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
        var group = Group(hasRoom: true, now: now)
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
        var group = Group(hasRoom: true, now: 0)
        for id in ids where recordings[id] != nil {
            if let file = files[id] {
                do throws(FileError) { try options.closeFile(file) } catch {
                    leftovers[id] = .open(error)
                    continue
                }
                files[id] = nil
            }
            group.remember(id, recordings.removeValue(forKey: id))
            JournalRecord.stored(id).write(to: &group.journal)
        }
        try makeDurable(group)
        for id in group.before.keys {
            tombstones.add(id)
            do throws(FileError) { try Folder.remove(Self.partPath(options.folder, id)) } catch {
                leftovers[id] = .present(error)
            }
        }
        return leftovers
    }

    /// What a group of changes needs for being undone, and for being made durable.
    private struct Group {
        let hasRoom: Bool
        let now: Int64
        var journal = ByteBuffer()
        var before: [RecordingID: Recording?] = [:]
        var acceptedBytes = 0

        init(hasRoom: Bool, now: Int64) {
            self.hasRoom = hasRoom
            self.now = now
        }

        mutating func remember(_ id: RecordingID, _ recording: Recording?) {
            if before[id] == nil { before[id] = .some(recording) }
        }
    }

    private func apply(
        _ frame: RecordingBatch.Frame,
        from gateway: String,
        _ group: inout Group
    ) throws(FileError) -> FrameResult {
        switch frame.action {
        case .open(let bytes): return try open(frame.id, bytes, gateway, &group)
        case .append(let offset, let bytes):
            guard let recording = recordings[frame.id] else { return missing(frame.id) }
            return try append(frame.id, recording, offset, bytes, gateway, &group)
        case .finish(let length):
            guard let recording = recordings[frame.id] else { return missing(frame.id) }
            return finish(frame.id, recording, length, &group)
        }
    }

    private func missing(_ id: RecordingID) -> FrameResult {
        guard !isStored(id) else { return .refused(410, .auditdRecordingFinished) }
        return .refused(404, .auditdUnknownRecording)
    }

    private func isStored(_ id: RecordingID) -> Bool {
        tombstones.contains(id) || options.isStored(id)
    }

    private func open(
        _ id: RecordingID,
        _ bytes: ByteBuffer,
        _ gateway: String,
        _ group: inout Group
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
            guard !isStored(id) else { return .refused(410, .auditdRecordingFinished) }
            guard group.hasRoom else { return .refused(507, .auditdDiskFloor) }
            group.remember(id, nil)
            _ = try file(id)
        } else {
            guard recording.spooled.state == .open else {
                return .refused(410, .auditdRecordingFinished, durable: recording.length)
            }
            group.remember(id, recording)
        }
        recording.spooled.facts = facts
        recording.spooled.gateway = gateway
        recordings[id] = recording
        JournalRecord.recording(id, length: recording.length, recording.spooled)
            .write(to: &group.journal)
        return FrameResult(status: 200, durable: recording.length)
    }

    private func append(
        _ id: RecordingID,
        _ recording: Recording,
        _ offset: UInt64,
        _ bytes: ByteBuffer,
        _ gateway: String,
        _ group: inout Group
    ) throws(FileError) -> FrameResult {
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
        try file(id).write(fresh, at: length)
        JournalRecord.append(id, offset: length, fresh).write(to: &group.journal)
        group.acceptedBytes += fresh.readableBytes
        recordings[id]?.length = end
        recordings[id]?.isDirty = true
        recordings[id]?.spooled.gateway = gateway
        return FrameResult(status: 200, durable: end)
    }

    private func finish(
        _ id: RecordingID,
        _ recording: Recording,
        _ length: UInt64,
        _ group: inout Group
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

    private func end(_ id: RecordingID, _ state: RecordingSummary.State, _ group: inout Group) {
        recordings[id]?.spooled.state = state
        recordings[id]?.spooled.endedAt = group.now
        JournalRecord.finish(id, endedAt: group.now, isInterrupted: state == .interrupted)
            .write(to: &group.journal)
    }

    // MARK: - Durability

    private func makeDurable(_ group: Group) throws(CodedError) {
        guard group.journal.readableBytes > 0 else { return }
        do throws(JournalError) {
            try journal.append(group.journal)
        } catch {
            isBroken = !error.isUsable
            undo(group)
            throw failure(error.cause)
        }
        if journal.size > options.journalLimit { restartJournal() }
    }

    /// Puts everything back as it was before the group, as nothing of it was acknowledged.
    private func undo(_ group: Group) {
        for (id, before) in group.before {
            recordings[id] = before
            // What stays in the file behind the end is written over by the next append.
            try? files[id]?.truncate(to: before?.length ?? 0)
            if before == nil { files[id] = nil }
        }
    }

    private func failure(_ error: FileError) -> CodedError {
        CodedError(.auditdDiskFailed, detail: "\(error)", cause: error, isRetryable: error.isFull)
    }

    /// Moves durability from the journal to the recordings' own files. A failure leaves the old
    /// journal in charge, and the next commit tries again.
    private func restartJournal() {
        do throws(FileError) {
            for (id, recording) in recordings where recording.isDirty { try file(id).sync() }
            try Folder.sync(options.folder)
            try journal.restart(beginning: Self.beginning(recordings, tombstones))
            for id in recordings.keys { recordings[id]?.isDirty = false }
        } catch {
            // A failed sync of a recording's file leaves its pages unknown, as in `Journal`.
            isBroken = !error.isFull
        }
    }

    /// Keeps some files open; all are closed now and then rather than the oldest one found.
    private func file(_ id: RecordingID) throws(FileError) -> OpenFile {
        if let file = files[id] { return file }
        if files.count >= 512 { files = [:] }
        let file = try OpenFile(Self.partPath(options.folder, id), O_RDWR | O_CREAT)
        files[id] = file
        return file
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
