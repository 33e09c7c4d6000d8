import AuditClient
import Logging
import NIOPosix
import SharedLogging
import SharedMessages

/// Encrypts recordings that have ended, then hands them on; what fails is tried again.
struct Finisher: Sendable {
    let files: FinishedFiles
    let spool: Spool
    let threads: NIOThreadPool
    let logger: Logger
    private let changes = ChangeSet()

    init(_ files: FinishedFiles, spool: Spool, threads: NIOThreadPool, logger: Logger) {
        self.files = files
        self.spool = spool
        self.threads = threads
        self.logger = logger
    }

    /// Harmless when repeated.
    func take(_ ids: Set<RecordingID>) { changes.add(ids) }

    func retry() { changes.retry() }

    /// Works until it is cancelled; `deliver` gets what is prepared.
    func run(_ deliver: (Set<RecordingID>) async -> Void) async {
        for await _ in changes.signals {
            while case let ids = changes.takeAll(), !ids.isEmpty {
                for id in ids where !Task.isCancelled {
                    if await prepare(id) { await deliver([id]) }
                }
            }
        }
    }

    private func prepare(_ id: RecordingID) async -> Bool {
        guard spool.recording(id) != nil else { return false }
        do {
            try await threads.runIfActive { [files, spool] in
                try files.seal(id, from: spool.path(id))
            }
            changes.succeeded(id)
            return true
        } catch {
            if changes.addFailed(id) {
                logger.emit(
                    CodedError(.auditdFinishFailed, cause: error),
                    ["connectionId": "\(id)"]
                )
            }
            return false
        }
    }

    /// The spool has let go of these.
    func release(_ ids: [RecordingID]) async throws {
        try await threads.runIfActive { [files] in try files.remove(ids) }
    }
}
