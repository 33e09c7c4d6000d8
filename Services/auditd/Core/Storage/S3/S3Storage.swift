package import AuditClient
import DequeModule
import FoundationEssentials
package import Logging
import Metrics
package import NIOCore
package import NIOPosix
package import SharedConfig
import SharedLogging
package import SharedMessages

/// Keeps recordings as objects of a bucket: short ones in one piece when they have ended, long ones
/// in parts while they are still made.
///
/// At most `parallelUploads` calls are under way, and recordings take turns: one part, then the
/// next recording. What fails waits a while, longer each time, and is tried again for ever.
package actor S3Storage: RecordingStorage {
    /// What may differ from the configuration's section, for tests.
    package struct Limits: Sendable {
        package var firstPause = Duration.milliseconds(500)
        package var longestPause = Duration.seconds(60)
        /// Between looks for uploads that nobody continues.
        package var sweep = Duration.seconds(3600)
        var closeFile: @Sendable (OpenFile) throws(FileError) -> Void = {
            file throws(FileError) in
            try file.close()
        }

        package init() {}
    }

    /// Failures in a row after which an upload is looked for in the bucket.
    private static let patience = 8

    private struct Entry {
        var recording: SpooledRecording
        var state: UploadState
        var pause = RetryPause()
        var retryAt: ContinuousClock.Instant?
        var isQueued = false
        var marks = GrowthMarks()
        /// Left by ContainerSSH: nobody waits for an acknowledgement.
        var isForeign = false
    }

    package nonisolated let name = "s3"
    private nonisolated let worker: S3Worker
    /// For what is no recording.
    private nonisolated let companions: S3Client
    private let limits: Limits
    private let logger: Logger
    private let metrics = S3Metrics()
    private nonisolated let threads: NIOThreadPool
    private let foreignFolder: String
    private let ownFolder: String

    private var entries: [RecordingID: Entry] = [:]
    private var queue: Deque<RecordingID> = []
    private var running = 0
    private var acknowledge: @Sendable ([RecordingID]) -> Void = { _ in }
    /// One element may stand for any number of changes.
    private let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    /// `folder` is auditd's own; notes on uploads go into its `s3.d`. Reads the certificate file,
    /// so it blocks. Throws a `CodedError` when the section or the folder cannot be used.
    package init(
        _ config: AuditS3Config,
        folder: String,
        environment: [String: String],
        limits: Limits = Limits(),
        threads: NIOThreadPool = .singleton,
        logger: Logger
    ) throws(CodedError) {
        let problems = config.problems(at: "audit.s3")
        guard problems.isEmpty else {
            let text = problems.map { "\($0)" }.joined(separator: "; ")
            throw CodedError(.auditdStoreFailed, detail: text)
        }
        let notes = NoteFolder(path: folder + "/s3.d", close: limits.closeFile)
        do {
            try Folder.create(folder)
            try Folder.create(notes.path)
            let source = try CredentialSource(config, environment: environment)
            let credentials = CredentialStore(source, logger: logger)
            func client(_ bucket: String) throws -> S3Client {
                var config = config
                config.bucket = bucket
                return try S3Client(
                    try S3Options(config),
                    credentials: credentials,
                    threads: threads,
                    logger: logger
                )
            }
            let recordings = try client(config.bucket)
            companions =
                config.companionBucket.isEmpty
                ? recordings : try client(config.companionBucket)
            worker = S3Worker(client: recordings, notes: notes, threads: threads, logger: logger)
        } catch let error as CodedError {
            throw error
        } catch {
            throw CodedError(.auditdStoreFailed, detail: "s3", cause: error)
        }
        self.limits = limits
        self.threads = threads
        self.logger = logger
        foreignFolder = config.local
        ownFolder = folder
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: - Taking

    package func take(_ recordings: [SpooledRecording]) {
        for recording in recordings { take(recording, isForeign: false) }
        continuation.yield()
    }

    private func take(_ recording: SpooledRecording, isForeign: Bool) {
        let id = recording.id
        let now = ContinuousClock.now
        if entries[id] == nil {
            let plan = worker.client.options.plan
            let state = UploadState(plan: plan, isRecovered: recording.isRecovered)
            var entry = Entry(recording: recording, state: state)
            entry.isForeign = isForeign
            if recording.isRecovered {
                // Nobody knows when its bytes came; certainly not before it began.
                let age = RecordingShipper.wallClock() - recording.facts.startedAt
                entry.marks.grew(to: recording.length, at: now - .nanoseconds(max(0, age)))
            }
            entries[id] = entry
        }
        entries[id]?.recording = recording
        entries[id]?.state.grew(to: recording.length, isFinished: recording.isFinished)
        entries[id]?.marks.grew(to: recording.length, at: now)
        enqueue(id)
    }

    private func enqueue(_ id: RecordingID) {
        guard entries[id]?.isQueued == false else { return }
        entries[id]?.isQueued = true
        queue.append(id)
    }

    // MARK: - Working

    package func run(_ acknowledge: @escaping @Sendable ([RecordingID]) -> Void) async {
        self.acknowledge = acknowledge
        await takeForeign()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tickLoop() }
            group.addTask { await self.sweepLoop() }
            continuation.yield()
            for await _ in signals {
                while running < worker.client.options.parallelUploads, let (entry, step) = next() {
                    running += 1
                    group.addTask { await self.perform(entry, step) }
                }
            }
        }
        worker.client.shutdown()
        companions.shutdown()
    }

    /// The next step of whose turn it is.
    private func next() -> (SpooledRecording, UploadState.Step)? {
        while let id = queue.popFirst() {
            entries[id]?.isQueued = false
            guard let entry = entries[id], entry.retryAt == nil,
                let step = entries[id]?.state.next()
            else { continue }
            enqueue(id)
            return (entry.recording, step)
        }
        return nil
    }

    private func perform(_ recording: SpooledRecording, _ step: UploadState.Step) async {
        let isNotable = entries[recording.id]?.pause.isNotable ?? true
        do {
            let outcome = try await worker.perform(step, recording, isNotable: isNotable)
            await succeeded(recording, step, outcome)
        } catch is CancellationError {
            entries[recording.id]?.state.failed(step)
        } catch {
            failed(recording.id, step, error)
        }
        running -= 1
        enqueue(recording.id)
        continuation.yield()
    }

    private func succeeded(
        _ recording: SpooledRecording,
        _ step: UploadState.Step,
        _ outcome: S3Worker.Outcome
    ) async {
        let id = recording.id
        entries[id]?.pause.succeeded()
        switch outcome {
        case .found(let found): entries[id]?.state.found(found)
        case .created(let upload): entries[id]?.state.created(upload)
        case .sent(let part, let upload):
            observe(id, at: part.part.offset, bytes: part.part.length)
            entries[id]?.state.sent(part, upload: upload)
        case .stored:
            if step == .put { observe(id, at: 0, bytes: recording.length) }
            entries[id]?.state.stored()
        }
        guard let entry = entries[id] else { return }
        entries[id]?.marks.trim(to: entry.state.firstUnsent)
        guard entry.state.isStored else { return }
        await worker.forget(recording, isForeign: entry.isForeign, folder: foreignFolder)
        entries[id] = nil
        if !entry.isForeign { acknowledge([id]) }
    }

    private func observe(_ id: RecordingID, at offset: UInt64, bytes: UInt64) {
        metrics.uploaded.increment(by: Int64(clamping: bytes))
        if let time = entries[id]?.marks.time(of: offset) {
            metrics.lag.record(duration: ContinuousClock.now - time)
        }
    }

    private func failed(_ id: RecordingID, _ step: UploadState.Step, _ error: any Error) {
        let failure = S3Failure(error)
        metrics.failed(failure.reason)
        guard var pause = entries[id]?.pause else { return }
        let time = pause.failed(first: limits.firstPause, limit: limits.longestPause)
        entries[id]?.pause = pause
        entries[id]?.retryAt = .now + time
        // Some stores have no better word than 500 for an upload that they lost.
        let isDoubtful = pause.failures % Self.patience == 0
        switch step {
        case .send(_, let upload) where failure.isMissingUpload || isDoubtful,
            .complete(_, let upload)
        where failure.isMissingUpload || failure.isWrongParts || failure.reason == .content:
            entries[id]?.state.lost(upload: upload)
        default: entries[id]?.state.failed(step)
        }
    }

    // MARK: - Time

    private func tickLoop() async {
        var count = 0
        // Cancelled: the loop ends.
        while (try? await Task.sleep(for: .milliseconds(100))) != nil {
            let now = ContinuousClock.now
            var isDue = false
            for (id, entry) in entries {
                guard let time = entry.retryAt, time <= now else { continue }
                entries[id]?.retryAt = nil
                enqueue(id)
                isDue = true
            }
            if isDue { continuation.yield() }
            count += 1
            if count % 10 == 1 { measure(now) }
        }
    }

    private func measure(_ now: ContinuousClock.Instant) {
        var bytes: UInt64 = 0
        var oldest = now
        for entry in entries.values {
            let unsent = entry.state.unsent
            bytes += unsent
            guard unsent > 0, let time = entry.marks.time(of: entry.state.firstUnsent) else {
                continue
            }
            oldest = min(oldest, time)
        }
        metrics.unsent.record(Double(bytes))
        metrics.oldest.record((now - oldest) / .seconds(1))
    }

    /// Gives up uploads that nobody continues, now and every hour.
    private func sweepLoop() async {
        repeat {
            await worker.sweep { self.isKnown($0) }
        } while (try? await Task.sleep(for: limits.sweep)) != nil  // cancelled: the loop ends
    }

    private func isKnown(_ id: RecordingID) -> Bool { entries[id] != nil }

    /// Takes up what ContainerSSH left in its own folder, unless that is ours.
    private func takeForeign() async {
        let found = await worker.foreign(in: foreignFolder, unless: ownFolder)
        for recording in found where entries[recording.id] == nil {
            take(recording, isForeign: true)
        }
    }

    // MARK: - Reading

    /// Nobody can tell without asking.
    package nonisolated func contains(_ id: RecordingID) -> Bool { false }

    package nonisolated func read(
        _ id: RecordingID,
        at offset: UInt64,
        count: Int
    ) async throws -> ByteBuffer? {
        try await worker.client.read(worker.key(id), at: offset, count: count)
            .map { ByteBuffer(bytes: $0) }
    }

    package nonisolated func status(_ id: RecordingID) async throws -> StoredStatus? {
        try await worker.client.head(worker.key(id)).map { object in
            let time = HTTPDate.parse(object.modified) ?? 0
            return StoredStatus(size: object.size, modifiedAt: time * 1_000_000_000)
        }
    }

    package nonisolated func list() async throws -> [RecordingID] {
        try await worker.list()
    }

    // MARK: - Files of auditd's own

    package nonisolated func put(_ name: String, _ bytes: ByteBuffer) async throws {
        try await companions.put(companions.options.prefix + name, bytes)
    }

    package nonisolated func put(_ name: String, from path: String) async throws {
        let size = try await threads.runIfActive { try OpenFile(path, O_RDONLY).size() }
        let slice = SpoolSlice(path: path, offset: 0, length: size)
        try await companions.put(companions.options.prefix + name, slice, [])
    }

    package nonisolated func get(_ name: String) async throws -> ByteBuffer? {
        try await companions.read(companions.options.prefix + name, at: 0, count: 64 << 10)
            .map { ByteBuffer(bytes: $0) }
    }
}
