import AuditClient
import AuditEvidence
import Logging
import Metrics
import NIOCore
import NIOPosix
import SharedConfig
import SharedLogging
import SharedMessages
import Synchronization

/// Brings recordings that have ended into the ledger, off every hot path.
///
/// It acknowledges as a storage does: the spool lets go of a recording only when the ledger has
/// it. What fails is tried again.
final class LedgerKeeper: Sendable {
    private static let pause = Duration.seconds(2)
    /// Recordings of one append.
    private static let batch = 64

    private let ledger: Mutex<Ledger>
    private let reader: RecordingReader
    private let threads: NIOThreadPool
    private let rotateAfter: Duration
    private let sealEvery: Duration
    /// Recordings that are here by another hand than this auditd's.
    private let foreign = Mutex<Set<RecordingID>>([])
    /// What runs, and how far it was read.
    private let running = Mutex<[RecordingID: RecordingChain]>([:])
    private let logger: Logger
    private let changes = ChangeSet()
    private let entries: Gauge
    private let mark: Gauge
    private let exporters: [HeadExporter]
    let files: Ledger.Files

    /// Blocks: reads and checks the whole ledger.
    init(
        _ config: AuditdConfig,
        spooled: Set<RecordingID>,
        storages: StorageSet,
        reader: RecordingReader,
        threads: NIOThreadPool,
        logger: Logger
    ) throws(CodedError) {
        let folder = config.directory + "/ledger.d"
        let key = config.ledger.key.isEmpty ? folder + "/ledger.key" : config.ledger.key
        files = Ledger.Files(folder: folder, key: key)
        let opened = try Ledger(files, spooled: spooled, now: RecordingShipper.wallClock())
        isNew = opened.isNew
        if opened.isNew {
            logger.emit(.auditdLedgerStarted, ["publicKey": "\(opened.publicKey)"])
        }
        // The sum over several auditds would say nothing.
        let labels = [("ledger", String(opened.name.prefix(16)))]
        entries = Gauge(label: "berth_auditd_ledger_entries", dimensions: labels)
        mark = Gauge(label: "berth_auditd_ledger_head", dimensions: labels)
        exporters = storages.members.map { HeadExporter(opened.name, to: $0, logger: logger) }
        ledger = Mutex(opened)
        rotateAfter = config.ledger.rotateAfter
        sealEvery = config.ledger.sealEvery
        self.reader = reader
        self.threads = threads
        self.logger = logger
        publish()
    }

    /// Whether this start began the ledger.
    let isNew: Bool

    /// Recordings that have ended; harmless when repeated.
    func take(_ ids: Set<RecordingID>) { changes.add(ids) }

    /// Recordings that were stored before the ledger began.
    func adopt(_ ids: Set<RecordingID>) {
        foreign.withLock { $0.formUnion(ids) }
        changes.add(ids)
    }

    /// The spool has let go of these.
    func release(_ ids: [RecordingID]) { ledger.withLock { $0.release(ids) } }

    /// Works until it is cancelled. `open` answers the recordings that run, and their lengths;
    /// `acknowledge` is called for what is durable.
    func run(
        open: @escaping @Sendable () -> [(id: RecordingID, length: UInt64)],
        _ acknowledge: @escaping @Sendable ([RecordingID]) -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                guard self.sealEvery > .zero else { return }
                // Cancelled: the loop ends.
                while (try? await Task.sleep(for: self.sealEvery)) != nil {
                    await self.noteProgress(open())
                }
            }
            group.addTask {
                // Cancelled: the loop ends.
                while (try? await Task.sleep(for: Self.pause)) != nil {
                    self.changes.retry()
                    await self.rotateIfDue()
                }
            }
            for exporter in exporters {
                group.addTask {
                    await exporter.run { line in try await self.onThread { try $0.contains(line) } }
                }
            }
            for await _ in changes.signals {
                while case let ids = changes.takeAll(), !ids.isEmpty {
                    await add(Array(ids), acknowledge)
                }
            }
        }
    }

    private func add(
        _ ids: [RecordingID],
        _ acknowledge: @Sendable ([RecordingID]) -> Void
    ) async {
        for start in stride(from: 0, to: ids.count, by: Self.batch) {
            let part = Array(ids[start..<min(start + Self.batch, ids.count)])
            do {
                var seals: [Ledger.Addition] = []
                for id in part {
                    guard let seal = try await seal(id) else { continue }
                    let isForeign = foreign.withLock { $0.contains(id) }
                    seals.append(.init(id: id, seal: seal, isAdopted: isForeign))
                }
                let sealed = seals
                try await onThread { try $0.add(sealed, now: RecordingShipper.wallClock()) }
                foreign.withLock { $0.subtract(part) }
                publish()
                for id in part { changes.succeeded(id) }
                acknowledge(part)
            } catch is CancellationError {
                return
            } catch {
                // Told once for each time that it begins to fail.
                let isNews = part.map { changes.addFailed($0) }.contains(true)
                if isNews { logger.emit(CodedError(.auditdLedgerFailed, cause: error)) }
            }
        }
    }

    /// `nil` if it is gone meanwhile: it was added before.
    @concurrent
    private func seal(_ id: RecordingID) async throws -> RecordingChain.Seal? {
        guard let size = try await reader.partSize(id) else { return nil }
        var chain = running.withLock { $0.removeValue(forKey: id) } ?? RecordingChain(id)
        try await read(id, size, &chain)
        return chain.finish()
    }

    /// Goes on from where the chain is.
    private func read(
        _ id: RecordingID,
        _ size: UInt64,
        _ chain: inout RecordingChain
    ) async throws {
        var pieces = reader.partPieces(id, size: size, from: chain.length)
        while let piece = try await pieces.next() { chain.update(piece) }
    }

    /// Writes down how far the running recordings are, those with another whole block.
    @concurrent
    private func noteProgress(_ open: [(id: RecordingID, length: UInt64)]) async {
        var places: [LedgerEntry.Recording] = []
        let ids = Set(open.map(\.id))
        running.withLock { $0 = $0.filter { ids.contains($0.key) } }
        do {
            for (id, length) in open {
                var chain = running.withLock { $0[id] } ?? RecordingChain(id)
                let blocks = chain.blocks
                guard length / UInt64(RecordingChain.blockSize) > UInt64(blocks) else { continue }
                try await read(id, length, &chain)
                guard chain.blocks > blocks else { continue }
                running.withLock { [chain] in $0[id] = chain }
                places.append(.init(id, blocks: chain.blocks, link: chain.lastLink))
            }
            guard !places.isEmpty else { return }
            try await onThread { [places] in try $0.note(places, now: RecordingShipper.wallClock())
            }
            publish()
        } catch is CancellationError {
            return
        } catch {
            logger.emit(CodedError(.auditdLedgerFailed, cause: error))
        }
    }

    private func rotateIfDue() async {
        let now = RecordingShipper.wallClock()
        do {
            let isRotated = try await onThread { [rotateAfter] ledger in
                guard ledger.isKeyOlder(than: rotateAfter, now: now) else { return false }
                try ledger.rotate(now: now)
                return true
            }
            guard isRotated else { return }
            publish()
            let key = ledger.withLock(\.publicKey)
            logger.emit(.auditdLedgerRotated, ["publicKey": "\(key)"])
        } catch {
            logger.emit(CodedError(.auditdLedgerFailed, cause: error))
        }
    }

    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable (Ledger) throws -> Value
    ) async throws -> Value {
        try await threads.runIfActive { try self.ledger.withLock { try body($0) } }
    }

    private func publish() {
        let (head, signed) = ledger.withLock { ($0.head, $0.signedHead) }
        for exporter in exporters { exporter.take(head, signed) }
        entries.record(Double(head.sequence + 1))
        mark.record(Double(head.mark))
    }
}
