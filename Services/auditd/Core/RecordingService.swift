import AuditClient
package import Hummingbird
package import Logging
import Metrics
import NIOCore
package import NIOPosix
import ServiceLifecycle
package import SharedConfig
package import SharedHTTP
import SharedLogging
package import SharedMessages
import Synchronization

/// auditd: takes recordings from gateways, keeps them, and finds them again.
///
/// Recovers in `init` (which blocks), works in `run()`. List it before the HTTP server, so that it
/// ends after it.
package final class RecordingService: Service {
    /// What may differ from the configuration's section, for tests.
    package struct Limits: Sendable {
        /// Silence of a gateway after which its recordings are finished for it.
        package var lease: Duration
        /// Size at which the journal starts anew.
        package var journalBytes: Int

        package init(lease: Duration = .seconds(300), journalBytes: Int = 64 << 20) {
            self.lease = lease
            self.journalBytes = journalBytes
        }
    }

    private let limits: Limits
    private let spool: Spool
    private let index: RecordingIndex
    private let storage: any RecordingStorage
    private let threads: NIOThreadPool
    private let logger: Logger
    private let changes: ChangeSet
    private let metrics = AuditdMetrics()
    private let recovered: Int

    /// Takes up what is in the configured directory, making it if needed.
    ///
    /// `threads` does the blocking reads and moves. Throws a `CodedError` with code
    /// `AUDITD_DISK_FAILED` if the directory cannot be used.
    package init(
        _ config: AuditdConfig,
        limits: Limits = Limits(),
        threads: NIOThreadPool = .singleton,
        logger: Logger
    ) throws(CodedError) {
        let folder = config.directory
        let storage = FileStorage(folder: folder, threads: threads)
        let changes = ChangeSet()
        do {
            try Folder.create(folder)
            spool = try Spool(
                SpoolEngine.Options(
                    folder: folder + "/spool.d",
                    minimumFree: UInt64(clamping: config.minimumFree),
                    journalLimit: UInt64(clamping: limits.journalBytes),
                    lease: limits.lease,
                    isStored: storage.contains
                ),
                now: RecordingShipper.wallClock,
                onChange: changes.add
            )
            index = try Self.openIndex(folder + "/spool.d/index.sqlite", logger)
        } catch let error as CodedError {
            throw error
        } catch {
            throw CodedError(.auditdDiskFailed, detail: folder, cause: error)
        }
        self.limits = limits
        self.storage = storage
        self.threads = threads
        self.logger = logger
        self.changes = changes
        recovered = spool.recordings.count
    }

    /// An index that can't be opened is made anew: it holds nothing of its own.
    private static func openIndex(_ path: String, _ logger: Logger) throws -> RecordingIndex {
        do {
            return try RecordingIndex(path: path)
        } catch {
            logger.emit(CodedError(.auditdIndexFailed, detail: path, cause: error))
            for suffix in ["", "-wal", "-shm"] { try Folder.remove(path + suffix) }
            return try RecordingIndex(path: path)
        }
    }

    /// Adds the routes of `docs/openapi/auditd.yaml`.
    package func addRoutes(to router: Router<HTTPContext>) {
        RecordingEndpoints(
            spool: spool,
            index: index,
            reader: RecordingReader(spool: spool, storage: storage, threads: threads)
        ).add(to: router)
    }

    /// Makes `/readyz` say when no new recording can be taken.
    package func register(in health: HealthRegistry) {
        health.register("spool") { [spool] in await spool.problem() }
    }

    // MARK: - Service

    package func run() async throws {
        if recovered > 0 {
            logger.emit(.auditdRecovered, ["count": .stringConvertible(recovered)])
        }
        await attempt(.auditdIndexFailed) { try await self.reconcile() }
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.settleLoop() }
                group.addTask { await self.tickLoop() }
            }
        }
        await spool.close()
        await attempt(.auditdIndexFailed) { try self.index.close() }
    }

    /// Something that is tried again later, or at the next start.
    private func attempt(_ code: MessageCode, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch is CancellationError {
            return
        } catch {
            logger.emit(CodedError(code, cause: error))
        }
    }

    private func tickLoop() async {
        let pause = min(limits.lease / 4, .seconds(2))
        while (try? await Task.sleep(for: pause)) != nil {  // cancelled: the loop ends
            await attempt(.auditdDiskFailed) {
                for id in try await self.spool.expireLeases() {
                    self.logger.emit(.auditdLeaseExpired, ["connectionId": "\(id)"])
                }
            }
            let recordings = spool.recordings
            let open = recordings.values.count { $0.spooled.state == .open }
            metrics.open.record(open)
            metrics.waiting.record(recordings.count - open)
            changes.retry()
        }
    }

    private func settleLoop() async {
        for id in spool.recordings.keys { changes.add([id]) }
        for await _ in changes.signals {
            while case let ids = changes.takeAll(), !ids.isEmpty { await settle(ids) }
        }
    }

    /// Brings the index up to date, and what has ended to its storage.
    private func settle(_ ids: Set<RecordingID>) async {
        let recordings = ids.compactMap { id in spool.recording(id).map { (id, $0) } }
        await attempt(.auditdIndexFailed) {
            try await self.index.put(recordings.map { RecordingSummary($0, $1) })
        }
        let ended = recordings.filter { $0.1.spooled.state != .open }.map(\.0)
        let stored = await withTaskGroup(of: RecordingID?.self) { group in
            var stored: [RecordingID] = []
            for (count, id) in ended.enumerated() {
                if count >= 8, let done = await group.next(), let done { stored.append(done) }
                group.addTask { await self.store(id) ? id : nil }
            }
            for await done in group { if let done { stored.append(done) } }
            return stored
        }
        guard !stored.isEmpty else { return }
        await attempt(.auditdDiskFailed) { try await self.spool.forget(stored) }
    }

    private func store(_ id: RecordingID) async -> Bool {
        do {
            try await storage.store(id, from: spool.path(id))
            metrics.stored.increment()
            changes.succeeded(id)
            return true
        } catch {
            metrics.storeFailures.increment()
            if changes.addFailed(id) {
                logger.emit(
                    CodedError(.auditdStoreFailed, cause: error),
                    ["connectionId": "\(id)"]
                )
            }
            return false
        }
    }

    // MARK: - Index

    /// Makes the index fit what is in spool and storage.
    private func reconcile() async throws {
        let known = try await index.states()
        let stored = try await storage.list()
        let spooled = spool.recordings
        var unknown: [RecordingSummary] = []
        for id in stored where known["\(id)"] ?? .open == .open && spooled[id] == nil {
            if let entry = try await inspect(id) { unknown.append(entry) }
        }
        try await index.put(unknown)
        let present = Set(stored).union(spooled.keys)
        let gone = known.keys.filter { RecordingID($0).map { !present.contains($0) } ?? true }
        try await index.remove(gone)
        if unknown.count + gone.count > 0 {
            logger.emit(
                .auditdIndexRebuilt,
                [
                    "count": .stringConvertible(unknown.count),
                    "removed": .stringConvertible(gone.count),
                ]
            )
        }
    }

    private func inspect(_ id: RecordingID) async throws -> RecordingSummary? {
        guard let status = try await storage.status(id),
            let beginning = try await storage.read(
                id,
                at: 0,
                count: RecordingInspection.beginning
            ),
            let end = try await storage.read(id, at: status.size - min(status.size, 10), count: 10)
        else { return nil }
        let inspection = RecordingInspection(
            beginning: beginning,
            end: end,
            modifiedAt: status.modifiedAt
        )
        return RecordingSummary(
            id: "\(id)",
            facts: inspection.facts,
            state: inspection.isComplete ? .finished : .interrupted,
            endedAt: status.modifiedAt,
            size: status.size
        )
    }
}

extension RecordingSummary {
    init(_ id: RecordingID, _ recording: SpoolEngine.Recording) {
        self.init(
            id: "\(id)",
            facts: recording.spooled.facts,
            state: recording.spooled.state,
            endedAt: recording.spooled.endedAt,
            size: recording.length
        )
    }
}
