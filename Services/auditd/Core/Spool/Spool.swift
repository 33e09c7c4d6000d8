import AuditClient
import Logging
import Metrics
import NIOCore
import NIOPosix
import SharedLogging
import SharedMessages
import Synchronization

/// The spool for many callers: batches that come while the disk is busy are committed together.
final class Spool: Sendable {
    private struct Job {
        var batch: RecordingBatch
        var size: Int
        var continuation: CheckedContinuation<[FrameResult], any Error>
    }

    private struct Queue {
        var jobs: [Job] = []
        var bytes = 0
        var isRunning = false
    }

    private struct Published {
        var recordings: [RecordingID: SpoolEngine.Recording]
        /// Parts but the first, by the recording that they are of.
        var parts: [RecordingID: Set<RecordingID>] = [:]

        mutating func set(_ id: RecordingID, _ recording: SpoolEngine.Recording?) {
            recordings[id] = recording
            guard !id.isWhole else { return }
            if recording != nil {
                parts[id.whole, default: []].insert(id)
            } else {
                parts[id.whole]?.remove(id)
                if parts[id.whole]?.isEmpty == true { parts[id.whole] = nil }
            }
        }
    }

    /// Bytes of waiting batches beyond which another one is refused.
    private static let queueLimit = 128 << 20
    /// Bytes that one commit takes; more would delay the first in line.
    private static let groupLimit = 32 << 20

    /// Recordings of an earlier run whose bytes are not what was made durable.
    let damaged: Set<RecordingID>
    private let folder: String
    private let minimumFree: UInt64
    /// Locked only by the one thread of `thread`, and by the reader of `recording` for an instant;
    /// the lock proves that, it never makes an event loop wait.
    private let engine: Mutex<SpoolEngine>
    private let queue = Mutex(Queue())
    /// What readers may know; a copy, as the engine is busy with the disk.
    private let published: Mutex<Published>
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let metrics = AuditdMetrics()
    private let now: @Sendable () -> Int64
    private let onChange: @Sendable (Set<RecordingID>) -> Void

    /// Recovers what the last run left; blocks. `onChange` gets the recordings that began,
    /// grew, got other facts or ended.
    init(
        _ options: SpoolEngine.Options,
        now: @escaping @Sendable () -> Int64,
        onChange: @escaping @Sendable (Set<RecordingID>) -> Void
    ) throws {
        let engine = try SpoolEngine(options)
        damaged = engine.damaged
        var known = Published(recordings: [:])
        for (id, recording) in engine.recordings { known.set(id, recording) }
        published = Mutex(known)
        self.engine = Mutex(engine)
        folder = options.folder
        minimumFree = options.minimumFree
        self.now = now
        self.onChange = onChange
        thread.start()
    }

    /// Makes a batch durable and answers its results in order of the frames.
    ///
    /// Throws a `CodedError`: `AUDITD_BUSY` when too much waits, `AUDITD_DISK_FAILED` when nothing
    /// of the batch could be kept.
    func submit(_ batch: RecordingBatch, size: Int) async throws -> [FrameResult] {
        try await withCheckedThrowingContinuation { continuation in
            let job = Job(batch: batch, size: size, continuation: continuation)
            let (isTaken, mustStart) = queue.withLock { queue in
                guard queue.bytes + size <= Self.queueLimit else { return (false, false) }
                queue.jobs.append(job)
                queue.bytes += size
                defer { queue.isRunning = true }
                return (true, !queue.isRunning)
            }
            if !isTaken {
                continuation.resume(throwing: CodedError(.auditdBusy, isRetryable: true))
            }
            if mustStart { start() }
        }
    }

    /// What is known of a recording that is not stored yet; the length counts durable bytes only.
    func recording(_ id: RecordingID) -> SpoolEngine.Recording? {
        published.withLock { $0.recordings[id] }
    }

    var recordings: [RecordingID: SpoolEngine.Recording] { published.withLock { $0.recordings } }

    /// The parts of a recording that are here, but the first.
    func parts(of id: RecordingID) -> Set<RecordingID> {
        published.withLock { $0.parts[id.whole] ?? [] }
    }

    func path(_ id: RecordingID) -> String { SpoolEngine.partPath(folder, id) }

    /// Ends the recordings of gateways that have gone; answers their names.
    func expireLeases() async throws -> Set<RecordingID> {
        let changed = try await onThread { engine in try engine.expireLeases(now: self.now()) }
        if !changed.isEmpty { onChange(changed) }
        return changed
    }

    /// Lets go of recordings that have been stored and removes their files; answers those of which
    /// that failed.
    func forget(_ ids: [RecordingID]) async throws -> [RecordingID: SpoolEngine.Leftover] {
        try await thread.runIfActive {
            try self.engine.withLock { engine in
                let leftovers = try engine.forget(ids)
                self.publish(Set(ids), engine)
                return leftovers
            }
        }
    }

    /// Why new recordings can't be taken; `nil` if they can.
    func problem() async -> String? {
        do {
            return try await thread.runIfActive { [minimumFree] in
                try self.engine.withLock { engine -> String? in
                    if engine.isBroken { return "the spool cannot be written to" }
                    let free = try engine.freeBytes()
                    self.metrics.free.record(Double(free))
                    // Balancers shall look elsewhere before anything has to be refused.
                    let (margin, isEndless) = minimumFree.addingReportingOverflow(minimumFree / 4)
                    let isLow = isEndless || free < margin
                    return isLow ? "the disk has only \(free) bytes left" : nil
                }
            }
        } catch {
            return "the spool cannot be examined"
        }
    }

    func close() async { try? await thread.shutdownGracefully() }  // it has no other failure

    // MARK: - The thread

    private func start() {
        thread.submit { state in
            guard case .active = state else { return self.refuseAll() }
            while let group = self.takeGroup() { self.commit(group) }
        }
    }

    private func takeGroup() -> [Job]? {
        queue.withLock { queue in
            var group: [Job] = []
            var size = 0
            while let job = queue.jobs.first, group.isEmpty || size + job.size <= Self.groupLimit {
                size += job.size
                group.append(queue.jobs.removeFirst())
            }
            queue.bytes -= size
            queue.isRunning = !group.isEmpty
            return group.isEmpty ? nil : group
        }
    }

    private func commit(_ group: [Job]) {
        let start = ContinuousClock.now
        do throws(CodedError) {
            let commit = try engine.withLock { engine throws(CodedError) in
                let commit = try engine.commit(group.map(\.batch), now: now())
                publish(commit.changed, engine)
                return commit
            }
            metrics.committed(commit.acceptedBytes, in: ContinuousClock.now - start)
            for (job, results) in zip(group, commit.results) {
                job.continuation.resume(returning: results)
            }
            onChange(commit.changed)
        } catch {
            for job in group { job.continuation.resume(throwing: error) }
        }
    }

    private func refuseAll() {
        let jobs = queue.withLock { queue in
            defer { queue = Queue() }
            return queue.jobs
        }
        for job in jobs {
            job.continuation.resume(throwing: CodedError(.auditdBusy, isRetryable: true))
        }
    }

    private func onThread(
        _ body: @escaping @Sendable (SpoolEngine) throws -> Set<RecordingID>
    ) async throws -> Set<RecordingID> {
        try await thread.runIfActive {
            try self.engine.withLock { engine in
                let changed = try body(engine)
                self.publish(changed, engine)
                return changed
            }
        }
    }

    private func publish(_ changed: Set<RecordingID>, _ engine: SpoolEngine) {
        published.withLock { published in
            for id in changed { published.set(id, engine.recordings[id]) }
        }
    }
}
