import AuditClient
import Logging
import NIOPosix
import SharedLogging
import SharedMessages

/// Brings the text of all recordings that have ended into the index.
struct TextKeeper: Sendable {
    let index: RecordingIndex
    let spool: Spool
    let reader: RecordingReader
    /// Recordings whose text is not in the index yet.
    let textless: ChangeSet
    /// Where recordings are encrypted: the spool needs to keep these no longer for their text.
    let acknowledge: @Sendable ([RecordingID]) -> Void
    let isIndexed: Bool
    let isSealing: Bool
    let logger: Logger

    /// Works beside everything else, one recording at a time. What fails comes again after the
    /// next start.
    func run(_ threads: NIOThreadPool) async {
        var reader = reader
        reader.threads = threads
        let indexer = TextIndexer(index: index, reader: reader)
        for await _ in textless.signals {
            while case let ids = textless.takeAll(), !ids.isEmpty {
                for id in ids where !Task.isCancelled {
                    // What can be made anew shall not take the last of the space.
                    if !isSealing, await spool.problem() != nil {
                        _ = textless.addFailed(id)
                        continue
                    }
                    textless.succeeded(id)
                    await logger.attempt(.auditdIndexFailed) {
                        if isReadable(id) {
                            try await indexer.add(id)
                        } else {
                            try await indexer.leaveOut(id)
                        }
                    }
                    guard isSealing else { continue }
                    // Without its text rather than for ever in the spool.
                    acknowledge(Array(spool.parts(of: id).union([id])))
                }
            }
        }
    }

    /// Whether its text may be in the index: not while what will be encrypted is in the spool.
    private func isReadable(_ id: RecordingID) -> Bool {
        isIndexed
            || spool.parts(of: id).union([id]).allSatisfy { spool.recording($0) == nil }
    }
}

extension Logger {
    /// Something that is tried again later, or at the next start.
    func attempt(_ code: MessageCode, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch is CancellationError {
            return
        } catch {
            emit(CodedError(code, cause: error))
        }
    }
}
