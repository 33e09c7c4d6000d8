import Logging
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedWaiting

/// Removes pods, whatever happens to whoever asks for it.
struct PodRemover: Sendable {
    let client: ClusterClient
    let namespace: String
    /// Seconds that programs have to end.
    let grace: Int
    /// For the whole removal, repetitions included.
    let limit: Duration
    let logger: Logger

    /// Returns when the pod is gone, or the time is over. Runs to its end even when the calling
    /// task is cancelled. With `uid` another pod of that name is left alone.
    func remove(_ name: String, uid: String = "", waits: Bool = true) async {
        await Task { await run(name, uid, waits) }.value
    }

    private func run(_ name: String, _ uid: String, _ waits: Bool) async {
        let labels: Logger.Metadata = ["podName": "\(name)"]
        logger.emit(.kubernetesPodRemove, labels)
        do {
            try await within(
                limit,
                late: CodedError(.kubernetesPodRemoveFailed, detail: "not removed in time"),
                { try await self.repeatedly(name, uid, waits) }
            )
            logger.emit(.kubernetesPodRemoveSuccessful, labels)
        } catch let error as CodedError {
            logger.emit(error, labels)
        } catch {
            logger.emit(.kubernetesPodRemoveFailed, labels.merging(["reason": "\(error)"]) { $1 })
        }
    }

    private func repeatedly(_ name: String, _ uid: String, _ waits: Bool) async throws {
        var pause = Pauses(from: .milliseconds(50), upTo: .seconds(2))
        var isAsked = false
        while true {
            do {
                if !isAsked {
                    isAsked = try await client.deletePod(
                        name,
                        namespace: namespace,
                        uid: uid,
                        grace: grace
                    )
                    if !isAsked { return }
                }
                guard waits else { return }
                let found = try await client.pod(name, namespace: namespace)
                guard let found, uid.isEmpty || found.uid == uid else { return }
            } catch {
                let error = CodedError.of(error, .kubernetesPodRemoveFailed)
                guard let coded = error as? CodedError, coded.isRetryable else { throw error }
                logger.emit(coded, ["podName": "\(name)"], level: .debug)
            }
            try await Task.sleep(for: pause.take())
        }
    }
}
