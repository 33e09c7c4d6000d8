import AuditClient
import Logging
import SharedLogging
import SharedMessages

/// Makes the index fit what is in spool and storages.
struct IndexReconciler: Sendable {
    let index: RecordingIndex
    let spool: Spool
    let storages: StorageSet
    let ledger: LedgerKeeper?
    /// Gets the recordings whose text is to be read.
    let textless: ChangeSet
    let rescan: Duration
    let logger: Logger

    /// Tries until it is done, as a storage may be out of reach for a while; and again and again
    /// where other auditds store beside this one.
    func run() async {
        var pause = Duration.seconds(1)
        var isFirst = true
        while !Task.isCancelled {
            do {
                try await reconcile(isFirst: isFirst)
                isFirst = false
                pause = .seconds(1)
                guard rescan > .zero, (try? await Task.sleep(for: rescan)) != nil else { return }
                continue
            } catch is CancellationError { return } catch {
                logger.emit(CodedError(.auditdIndexFailed, cause: error))
            }
            guard (try? await Task.sleep(for: pause)) != nil else { return }  // cancelled
            pause = min(pause * 2, .seconds(300))
        }
    }

    /// Makes the index fit what is in spool and storages.
    private func reconcile(isFirst: Bool) async throws {
        let stored = try await storages.list()
        let spooled = spool.recordings
        // Behind the list: whatever was stored by then is known to have ended.
        let known = try await index.states()
        // What was there before the ledger began is in it as it is now.
        if let ledger, ledger.isNew, isFirst { ledger.adopt(stored.subtracting(spooled.keys)) }
        var unknown: [RecordingSummary] = []
        for id in stored.sorted(by: { $0.part < $1.part })
        where known["\(id)"] ?? .open == .open && spooled[id] == nil {
            if let entry = try await inspect(id) { unknown.append(entry) }
        }
        try await index.put(unknown)
        // The whole has another text now.
        textless.add(Set(unknown.compactMap { RecordingID($0.id)?.whole }))
        // Also those that came meanwhile; what was known before and is nowhere now is gone.
        let present = stored.union(spooled.keys).union(spool.recordings.keys)
        var gone: [String] = []
        for name in known.keys {
            // It may have been stored while the storages were listed.
            if let id = RecordingID(name) {
                if present.contains(id) { continue }
                if try await storages.status(id) != nil { continue }
            }
            gone.append(name)
        }
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
        guard let status = try await storages.status(id),
            let beginning = try await storages.read(
                id,
                at: 0,
                count: RecordingInspection.beginning
            ),
            let end = try await storages.read(id, at: status.size - min(status.size, 10), count: 10)
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
