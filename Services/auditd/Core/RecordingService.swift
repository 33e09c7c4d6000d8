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
package import SharedTracing
import Synchronization

/// auditd: takes recordings from gateways, keeps them, and finds them again.
///
/// Recovers in `init` (which blocks), works in `run()`. List it before the HTTP server, so that it
/// ends after it.
package final class RecordingService: Service {
    /// What may differ from the configuration's section, for tests.
    package struct Limits: Sendable {
        /// Instead of the configuration's.
        package var lease: Duration?
        /// Size at which the journal starts anew.
        package var journalBytes: Int
        var closeFile: @Sendable (OpenFile) throws(FileError) -> Void = {
            file throws(FileError) in
            try file.close()
        }

        package init(lease: Duration? = nil, journalBytes: Int = 64 << 20) {
            self.lease = lease
            self.journalBytes = journalBytes
        }
    }

    private let lease: Duration
    private let spool: Spool
    private let index: RecordingIndex
    private let storages: StorageSet
    private let acknowledgements: Acknowledgements
    private let threads: NIOThreadPool
    private let logger: Logger
    private let changes: ChangeSet
    /// What the index has of recordings that run: most changes only make them longer.
    private let noted = Mutex<[RecordingID: SpooledFacts]>([:])
    /// Recordings whose text is not in the index yet.
    private let textless = ChangeSet()
    private let followers: Followers
    private let token: ReaderToken?
    private let reader: RecordingReader
    private let ledger: LedgerKeeper?
    private let servesPage: Bool
    private let reconciler: IndexReconciler
    private let texts: TextKeeper
    private let metrics = AuditdMetrics()
    private let recovered: Set<RecordingID>
    private let finisher: Finisher
    /// `nil` where nothing is traced.
    private let traces: RecordingTraces?
    private let casts: CastKeeper?
    /// Whether text goes into the index.
    private let isIndexed: Bool

    /// Takes up what is in the configured directory, making it if needed.
    ///
    /// A recording's file stays in the spool until all of `storages` have it; `nil` keeps files in
    /// the configured directory. `threads` does the blocking reads and moves. Throws a `CodedError` with code
    /// `AUDITD_DISK_FAILED` if the directory cannot be used.
    package init(
        _ config: AuditdConfig,
        storages: [any RecordingStorage]? = nil,
        limits: Limits = Limits(),
        threads: NIOThreadPool = .singleton,
        tracer: Tracer? = nil,
        logger: Logger
    ) throws(CodedError) {
        traces = tracer.map { RecordingTraces($0) }
        let folder = config.directory
        lease = limits.lease ?? config.lease
        let files = FileStorage(folder: folder, threads: threads, logger: logger)
        let storages = StorageSet(members: storages ?? [files])
        let changes = ChangeSet()
        let followers = Followers()
        do {
            try Folder.create(folder)
            let options = SpoolEngine.Options(
                folder: folder + "/spool.d",
                minimumFree: UInt64(clamping: config.minimumFree),
                journalLimit: UInt64(clamping: limits.journalBytes),
                lease: lease,
                isStored: storages.contains,
                closeFile: limits.closeFile
            )
            spool = try Self.openSpool(options, index: folder + "/spool.d/index.sqlite") { ids in
                changes.add(ids)
                followers.wake(Set(ids.map(\.whole)))
            }
            index = try Self.openIndex(folder + "/spool.d/index.sqlite", logger)
        } catch let error as CodedError {
            throw error
        } catch {
            throw CodedError(.auditdDiskFailed, detail: folder, cause: error)
        }
        self.storages = storages
        let finished: FinishedFiles
        do {
            finished = try FinishedFiles(config, spooled: Set(spool.recordings.keys))
        } catch {
            throw CodedError(.auditdDiskFailed, detail: folder, cause: error)
        }
        finisher = Finisher(finished, spool: spool, threads: threads, logger: logger)
        casts =
            finished.hasCasts
            ? CastKeeper(
                finished,
                spool: spool,
                storages: storages,
                threads: threads,
                logger: logger
            ) : nil
        isIndexed = !finished.isSealing || config.encryption.index
        let reader = RecordingReader(
            spool: spool,
            storages: storages,
            index: index,
            threads: threads,
            files: finished
        )
        ledger =
            config.ledger.enable
            ? try LedgerKeeper(
                config,
                spooled: Set(spool.recordings.keys),
                storages: storages,
                reader: reader.stored,
                threads: threads,
                logger: logger
            ) : nil
        self.reader = reader
        // The ledger has to have a recording too before the spool lets go of it, and the index
        // what it can't read later.
        acknowledgements = Acknowledgements(
            of: storages.members.count + (ledger == nil ? 0 : 1)
                + (finished.isSealing && isIndexed ? 1 : 0) + (casts == nil ? 0 : 1)
        )
        self.threads = threads
        self.logger = logger
        self.changes = changes
        self.followers = followers
        token = ReaderToken(config.token)
        servesPage = config.web
        reconciler = IndexReconciler(
            index: index,
            spool: spool,
            storages: storages,
            ledger: ledger,
            textless: textless,
            rescan: config.rescan,
            logger: logger
        )
        texts = TextKeeper(
            index: index,
            spool: spool,
            reader: reader,
            textless: textless,
            acknowledge: {
                [acknowledgements, place = storages.members.count + (ledger == nil ? 0 : 1)]
                in acknowledgements.add($0, from: place)
            },
            isIndexed: isIndexed,
            isSealing: finished.isSealing,
            logger: logger
        )
        recovered = Set(spool.recordings.keys)
    }

    /// Adds the routes of `docs/openapi/auditd.yaml`.
    package func addRoutes(to router: Router<HTTPContext>) {
        RecordingEndpoints(
            spool: spool,
            index: index,
            reader: reader,
            followers: followers,
            token: token,
            evidence: ledger.map { EvidenceFiles($0.files, threads) }
        ).add(to: router)
        if servesPage { WebPage.add(to: router) }
    }

    /// Makes `/readyz` say when no new recording can be taken.
    package func register(in health: HealthRegistry) {
        health.register("spool") { [spool] in await spool.problem() }
    }

    // MARK: - Service

    package func run() async throws {
        if !recovered.isEmpty {
            logger.emit(.auditdRecovered, ["count": .stringConvertible(recovered.count)])
        }
        for id in spool.damaged { logger.emit(.auditdSpoolDamaged, ["connectionId": "\(id)"]) }
        // Storages know all that an earlier run took before they begin.
        await settle(recovered)
        // Now, as what is read later would be taken for what is left.
        await logger.attempt(.auditdIndexFailed) {
            textless.add(Set(try await index.withoutText()))
        }
        let background = BackgroundThread()
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.reconciler.run() }
                for (number, storage) in self.storages.members.enumerated() {
                    // Only what it needs: a storage may keep the closure.
                    group.addTask { [acknowledgements = self.acknowledgements] in
                        await storage.run { acknowledgements.add($0, from: number) }
                    }
                }
                if let ledger = self.ledger {
                    group.addTask { await self.keep(ledger) }
                }
                if let casts = self.casts {
                    let place = self.storages.members.count + 2
                    group.addTask { [acknowledgements = self.acknowledgements] in
                        await casts.run { acknowledgements.add($0, from: place) }
                    }
                }
                group.addTask { await self.forgetLoop() }
                group.addTask { await self.settleLoop() }
                group.addTask { await self.finisher.run { await self.deliver($0) } }
                group.addTask { await self.tickLoop() }
                group.addTask(executorPreference: background) {
                    await self.texts.run(background.pool)
                }
            }
        }
        await logger.attempt(.auditdIndexFailed) { try await background.end() }
        followers.close()
        await spool.close()
        await logger.attempt(.auditdIndexFailed) { try self.index.close() }
    }

    private func tickLoop() async {
        let pause = min(lease / 4, .seconds(2))
        while (try? await Task.sleep(for: pause)) != nil {  // cancelled: the loop ends
            await logger.attempt(.auditdDiskFailed) {
                for id in try await self.spool.expireLeases() {
                    self.logger.emit(.auditdLeaseExpired, ["connectionId": "\(id)"])
                }
            }
            let recordings = spool.recordings
            let open = recordings.values.count { $0.spooled.state == .open }
            metrics.open.record(open)
            metrics.waiting.record(recordings.count - open)
            acknowledgements.retry()
            finisher.retry()
            casts?.retry()
            changes.retry()
            textless.retry()
            _ = await spool.problem()  // measures the free space
            followers.wakeAll()
        }
    }

    private func settleLoop() async {
        for await _ in changes.signals {
            while case let ids = changes.takeAll(), !ids.isEmpty { await settle(ids) }
        }
    }

    /// Brings index and storages up to date.
    private func settle(_ ids: Set<RecordingID>) async {
        let recordings = ids.compactMap { id in spool.recording(id).map { (id, $0) } }
        for id in ids where spool.recording(id) == nil { changes.succeeded(id) }
        if let traces { for (id, recording) in recordings { traces.changed(id, recording) } }
        await note(recordings)
        let ended = Set(recordings.filter { $0.1.spooled.state != .open }.map(\.0))
        casts?.take(ended)
        guard finisher.files.isSealing else {
            return await deliver(Set(recordings.map(\.0)))
        }
        // What is encrypted is so as a whole: storages get it when it has ended.
        finisher.take(ended)
    }

    /// What fails is told once, and tried again: a full disk heals.
    private func note(_ changed: [(RecordingID, SpoolEngine.Recording)]) async {
        let recordings = noted.withLock { noted in
            changed.filter { noted[$0.0] != $0.1.spooled }
        }
        do {
            try await index.put(recordings.map { RecordingSummary($0, $1) })
            noted.withLock { noted in
                for (id, recording) in recordings {
                    let isOpen = recording.spooled.state == .open
                    noted[id] = isOpen ? recording.spooled : nil
                }
            }
            for (id, _) in changed { changes.succeeded(id) }
        } catch is CancellationError {
            return
        } catch {
            let isNews = recordings.map { changes.addFailed($0.0) }.contains(true)
            if isNews { logger.emit(CodedError(.auditdIndexFailed, cause: error)) }
        }
    }

    /// Hands recordings on that run, or that are prepared.
    private func deliver(_ ids: Set<RecordingID>) async {
        let recordings = ids.compactMap { id in spool.recording(id).map { (id, $0) } }
        let ended = Set(recordings.filter { $0.1.spooled.state != .open }.map(\.0))
        if isIndexed { textless.add(Set(ended.map(\.whole))) }
        ledger?.take(ended)
        var taken: [SpooledRecording] = []
        let isSealing = finisher.files.isSealing
        for (id, recording) in recordings {
            // It is there: it was prepared.
            let sealed = isSealing ? try? await reader.stored.partSize(id) : nil
            guard !isSealing || sealed != nil else { continue }
            taken.append(
                SpooledRecording(
                    id: id,
                    path: finisher.files.path(id, spooled: spool.path(id)),
                    length: sealed ?? recording.length,
                    facts: recording.spooled.facts,
                    isFinished: recording.spooled.state != .open,
                    isRecovered: recovered.contains(id)
                )
            )
        }
        await storages.take(taken)
    }

    private func keep(_ ledger: LedgerKeeper) async {
        let open: @Sendable () -> [(id: RecordingID, length: UInt64)] = {
            self.spool.recordings.filter { $0.value.spooled.state == .open }
                .map { ($0.key, $0.value.length) }
        }
        await ledger.run(open: open) { ids in
            let spooled = ids.filter { self.spool.recording($0) != nil }
            self.acknowledgements.add(spooled, from: self.storages.members.count)
        }
    }

    /// Lets the spool go of what every storage has.
    private func forgetLoop() async {
        for await _ in acknowledgements.signals {
            let ids = acknowledgements.takeComplete()
            guard !ids.isEmpty else { continue }
            do {
                let leftovers = try await spool.forget(ids)
                ledger?.release(ids)
                traces?.stored(ids)
                await logger.attempt(.auditdDiskFailed) { try await self.finisher.release(ids) }
                metrics.stored.increment(by: ids.count - leftovers.count)
                for (id, leftover) in leftovers { report(id, leftover) }
            } catch {
                logger.emit(CodedError(.auditdDiskFailed, cause: error))
                acknowledgements.putBack(ids)
            }
        }
    }

    private func report(_ id: RecordingID, _ leftover: SpoolEngine.Leftover) {
        let labels: Logger.Metadata = ["connectionId": "\(id)", "log": "\(id)"]
        switch leftover {
        case .open(let cause):
            logger.emit(CodedError(.auditS3CloseFailed, cause: cause), labels)
            acknowledgements.putBack([id])
        case .present(let cause):
            logger.emit(CodedError(.auditS3RemoveFailed, cause: cause), labels)
        }
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
