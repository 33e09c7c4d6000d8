import Logging
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedWaiting

/// Tells everybody something about a pod, by its labels and annotations.
struct PodMark: Sendable {
    let client: ClusterClient
    let pod: Pod
    let logger: Logger

    /// Until the lease is over nobody misses it.
    private static let patience = Duration.seconds(60)

    /// Lays `patch` over the pod, in the background; a server that is busy or fails is asked again.
    /// Whoever has the task cancels it before the pod goes.
    func lay(_ patch: ConfigTree) -> Task<Void, Never> {
        Task {
            do {
                try await within(
                    Self.patience,
                    late: CodedError(.kubernetesPodMarkFailed, detail: "not in time"),
                    { try await self.repeatedly(patch) }
                )
            } catch is CancellationError {
                return
            } catch {
                logger.emit(.kubernetesPodMarkFailed, ["reason": "\(error)"])
            }
        }
    }

    private func repeatedly(_ patch: ConfigTree) async throws {
        let client = client.limited()
        var pause = Pauses(from: .milliseconds(100), upTo: .seconds(5))
        while true {
            do {
                try await client.patchPod(pod.name, namespace: pod.namespace, patch)
                return
            } catch {
                let error = CodedError.of(error, .kubernetesPodMarkFailed)
                guard let coded = error as? CodedError, coded.isRetryable else { throw error }
                try await Task.sleep(for: max(pause.take(), coded.retryAfter ?? .zero))
            }
        }
    }
}
