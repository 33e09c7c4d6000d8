import Logging
import NIOCore
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedWaiting
import Synchronization

/// Watches one pod from its creation to its end.
///
/// A watch that breaks is taken up again, for as long as it takes: the API server may be restarted
/// under a session.
final class PodFollower: Sendable {
    let pod: Pod
    let container: String
    /// Settled once the pod serves no more, with why.
    let end = Latch<CodedError>()
    /// Settled when the server has it no more.
    let gone = Latch<Void>()

    private let client: ClusterClient
    private let loop: any EventLoop
    private let progress: @Sendable (String) -> Void
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        /// What it waits for, as far as the server says.
        var trouble: CodedError?
        var shown = ""
        /// Whether the server could not be asked the last time.
        var isBlind = false
    }

    private struct NotYet: Error {}

    /// The watch tells what became of a pod some time after its streams have ended.
    private static let patience = Duration.seconds(5)
    /// As often where the server itself is away.
    private static let mostTurns = 12

    init(
        _ pod: Pod,
        container: String,
        client: ClusterClient,
        loop: any EventLoop,
        progress: @escaping @Sendable (String) -> Void,
        logger: Logger
    ) {
        self.pod = pod
        self.container = container
        self.client = client.limited()
        self.loop = loop
        self.progress = progress
        self.logger = logger
    }

    /// Where its streams live.
    var eventLoop: any EventLoop { loop }

    /// Why it does not run yet, if that is known.
    var trouble: CodedError? { state.withLock { $0.trouble } }

    /// Why it serves no more; throws `unknown` where the server does not say so in some seconds,
    /// or is away for a minute.
    func reason(else unknown: any Error) async throws -> CodedError {
        for _ in 0..<Self.mostTurns {
            do {
                return try await end.value(within: Self.patience, late: NotYet())
            } catch is NotYet {
                guard state.withLock({ $0.isBlind }) else { break }
            }
        }
        throw unknown
    }

    func start() {
        let task = Task { await self.follow() }
        state.withLock { $0.task = task }
    }

    /// Watches no more.
    func stop() async {
        let task = state.withLock { $0.task }
        task?.cancel()
        await task?.value
        end.settle(.failure(CancellationError()))
        gone.settle(.failure(CancellationError()))
    }

    private func follow() async {
        var pause = Pauses(from: .milliseconds(100), upTo: .seconds(5))
        var version: String? = pod.version
        while !Task.isCancelled, !gone.isSettled {
            do {
                if let known = version {
                    version = try await watch(from: known)
                    if version != nil {
                        pause = Pauses(from: .milliseconds(100), upTo: .seconds(5))
                    }
                } else {
                    version = try await look()
                }
                if version != nil { continue }
            } catch is CancellationError {
                return
            } catch {
                logger.emit(.kubernetesWatchFailed, ["reason": "\(error)"])
                state.withLock { $0.isBlind = true }
                version = nil
            }
            // Cancelled: the loop ends.
            try? await Task.sleep(for: pause.take())
        }
    }

    /// Asks how the pod is now; answers its version.
    private func look() async throws -> String? {
        guard let found = try await client.pod(pod.name, namespace: pod.namespace),
            found.uid == pod.uid
        else {
            left()
            return nil
        }
        state.withLock { $0.isBlind = false }
        saw(found)
        return found.version
    }

    /// Watches until the server ends that; answers the version to go on from.
    private func watch(from version: String) async throws -> String? {
        let watch = try await client.watchPod(
            pod.name,
            namespace: pod.namespace,
            from: version,
            on: loop
        )
        defer { watch.close() }
        while let event = try await watch.next() {
            switch event {
            case .changed(let changed):
                guard changed.uid == pod.uid else { return nil }
                saw(changed)
            case .deleted(let deleted):
                guard deleted.uid == pod.uid else { continue }
                left()
                return nil
            case .bookmark: break
            case .failed(let refusal):
                if refusal.status != 410 { throw refusal }
                return nil
            }
        }
        return nil
    }

    private func saw(_ pod: Pod) {
        switch PodVerdict(pod, container: container) {
        case .fine: state.withLock { $0.trouble = nil }
        case .over(let error): end.settle(.success(error))
        case .waits(let line, let error):
            let isNew = state.withLock { state in
                state.trouble = error
                defer { state.shown = line }
                return state.shown != line
            }
            guard isNew else { return }
            progress(line)
            logger.emit(error, ["pod": "\(pod.name)"])
        }
    }

    private func left() {
        end.settle(.success(CodedError(.kubernetesPodDeleted)))
        gone.settle(.success(()))
    }
}
