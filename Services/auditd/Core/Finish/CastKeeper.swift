import AuditClient
import Logging
import NIOPosix
import SharedLogging
import SharedMessages

/// Keeps an asciicast beside each recording that has ended, in every storage; what fails is tried
/// again, and the recording stays in the spool until then.
struct CastKeeper: Sendable {
    let files: FinishedFiles
    let spool: Spool
    let storages: StorageSet
    let threads: NIOThreadPool
    let logger: Logger
    private let changes = ChangeSet()

    /// Recordings whose asciicasts are made at the same time.
    private static let width = 4

    init(
        _ files: FinishedFiles,
        spool: Spool,
        storages: StorageSet,
        threads: NIOThreadPool,
        logger: Logger
    ) {
        self.files = files
        self.spool = spool
        self.storages = storages
        self.threads = threads
        self.logger = logger
    }

    /// Harmless when repeated.
    func take(_ ended: Set<RecordingID>) { changes.add(ended) }

    func retry() { changes.retry() }

    /// Works until it is cancelled. `acknowledge` is called once all storages have what there is to
    /// keep of a recording, also where that is nothing.
    func run(_ acknowledge: @escaping @Sendable ([RecordingID]) -> Void) async {
        for await _ in changes.signals {
            while case let ids = changes.takeAll(), !ids.isEmpty {
                await withTaskGroup(of: Void.self) { group in
                    for (count, id) in ids.enumerated() where !Task.isCancelled {
                        if count >= Self.width { await group.next() }
                        group.addTask { if await keep(id) { acknowledge([id]) } }
                    }
                }
            }
        }
    }

    private func keep(_ id: RecordingID) async -> Bool {
        guard let recording = spool.recording(id) else { return false }
        do {
            let path = try await threads.runIfActive { [files, spool] in
                let format = recording.spooled.facts.format
                return try files.makeCast(id, from: spool.path(id), format: format)
            }
            if let path { try await storages.put(files.cast(of: id), from: path) }
            changes.succeeded(id)
            return true
        } catch is CancellationError {
            return false
        } catch {
            if changes.addFailed(id) {
                let labels: Logger.Metadata = ["connectionId": "\(id)"]
                logger.emit(CodedError(.auditdFinishFailed, cause: error), labels)
            }
            return false
        }
    }
}
