import Logging
import NIOCore
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedWaiting

/// A pod that runs, and the stream that keeps it alive.
struct RunningPod: Sendable {
    let pod: Pod
    /// The console container's name.
    let container: String
    /// Its first process ends when this is closed; `nil` for one that stays when everybody leaves.
    let lifeline: PodStream?
    let follower: PodFollower
    let remover: PodRemover
    let client: ClusterClient

    /// Removes it. Runs to its end even when the calling task is cancelled.
    func discard() async {
        await remover.remove(pod.name, uid: pod.uid)
        await follower.stop()
        await lifeline?.close()
    }
}

/// Makes a pod: create, attach. Leaves nothing behind when it fails.
struct PodOpening: Sendable {
    let client: ClusterClient
    let plan: PodPlan
    let config: KubernetesConfig
    let loop: any EventLoop
    let progress: @Sendable (String) -> Void
    let logger: Logger

    private static let mostFailures = 8
    /// Of a pod that is being made, refusals mean "not yet"; but not those.
    private static let final = [401, 403]

    var remover: PodRemover {
        PodRemover(
            client: client.limited(),
            namespace: plan.namespace,
            grace: PodOpening.grace(config),
            limit: config.timeouts.podStop,
            logger: logger
        )
    }

    /// Programs whose person has left need no time; unless the spec gives them some.
    static func grace(_ config: KubernetesConfig) -> Int {
        let asked = (config.pod.spec["terminationGracePeriodSeconds"] ?? 1).wholeNumber ?? 1
        return max(1, min(asked, Int(config.timeouts.podStop.components.seconds / 2)))
    }

    /// The pod, attached to, as soon as that works: long before the server calls it ready.
    func run() async throws -> RunningPod {
        let start = ContinuousClock.now
        let pod = try await create(within: config.timeouts.podStart)
        let follower = PodFollower(
            pod,
            container: plan.container,
            client: client,
            loop: loop,
            progress: progress,
            logger: logger
        )
        follower.start()
        do {
            try Task.checkCancellation()
            let rest = config.timeouts.podStart - (.now - start)
            let lifeline = try await wait(follower, within: rest)
            return RunningPod(
                pod: pod,
                container: plan.container,
                lifeline: lifeline,
                follower: follower,
                remover: remover,
                client: client
            )
        } catch {
            await remover.remove(pod.name, uid: pod.uid)
            await follower.stop()
            throw error
        }
    }

    // MARK: - Create

    /// Once the server has been asked, its answer is awaited whatever happens: only then is it
    /// known what there is to remove.
    func create(within limit: Duration) async throws -> Pod {
        let isLeft = Latch<Void>()
        let creation = Task {
            try await within(
                limit,
                late: CodedError(.kubernetesPodCreateFailed, detail: "not created in time"),
                { try await self.repeatedly(until: isLeft) }
            )
        }
        do {
            return try await withTaskCancellationHandler {
                try await creation.value
            } onCancel: {
                isLeft.settle(.success(()))
            }
        } catch {
            // Without an answer the pod may be there all the same, if its name is ours alone.
            if (error as? CodedError)?.clusterStatus == nil, config.pod.metadata["name"] == nil {
                await remover.remove(plan.name)
            }
            throw error
        }
    }

    /// No more tries once somebody has left.
    private func repeatedly(until isLeft: Latch<Void>) async throws -> Pod {
        var pause = Pauses(from: .milliseconds(200), factor: 2, upTo: .seconds(5))
        var failures = 0
        while true {
            logger.emit(.kubernetesPodCreate, ["podName": "\(plan.name)"])
            do {
                return try await coded(.kubernetesPodCreateFailed) {
                    try await client.createPod(plan.body, namespace: plan.namespace)
                }
            } catch let error as CodedError where error.isRetryable && failures < Self.mostFailures
            {
                guard !isLeft.isSettled else { throw error }
                failures += 1
                logger.emit(error, ["podName": "\(plan.name)"], level: .debug)
                progress("The cluster has a problem, trying again ...")
                try await Task.sleep(for: max(pause.take(), error.retryAfter ?? .zero))
            } catch let error as CodedError where error.clusterStatus == 409 && failures > 0 {
                // An earlier try was done, and its answer lost.
                let found = try await coded(.kubernetesPodCreateFailed) {
                    try await client.pod(plan.name, namespace: plan.namespace)
                }
                guard let found, !found.isBeingDeleted else { throw error }
                return found
            }
        }
    }

    // MARK: - Wait

    private func wait(
        _ follower: PodFollower,
        within limit: Duration
    ) async throws -> PodStream {
        logger.emit(.kubernetesPodWait, ["podName": "\(plan.name)"])
        do {
            return try await within(
                limit,
                late: CodedError(.kubernetesPodWaitFailed, detail: "not ready in time"),
                discard: { await $0.close() },
                { try await self.attachOrEnd(follower) }
            )
        } catch let error as CodedError where error.code == .kubernetesPodWaitFailed {
            // What it waits for is known better than that it waits.
            throw follower.trouble ?? error
        }
    }

    private func attachOrEnd(_ follower: PodFollower) async throws -> PodStream {
        try await withThrowingTaskGroup(of: PodStream.self) { group in
            group.addTask { try await self.attach() }
            group.addTask { throw try await follower.end.value() }
            defer { group.cancelAll() }
            guard let stream = try await group.next() else { throw CancellationError() }
            return stream
        }
    }

    private func attach() async throws -> PodStream {
        var pause = Pauses(from: .milliseconds(30), factor: 1.3, upTo: .milliseconds(500))
        while true {
            logger.emit(.kubernetesPodAttach, ["podName": "\(plan.name)"])
            do {
                return try await coded(.kubernetesPodWaitFailed) {
                    try await client.open(
                        PodExec(container: plan.container, command: nil),
                        in: plan.name,
                        namespace: plan.namespace,
                        on: loop
                    )
                }
            } catch let error as CodedError {
                guard let status = error.clusterStatus ?? (error.isRetryable ? 0 : nil),
                    !Self.final.contains(status)
                else { throw error }
                try await Task.sleep(for: max(pause.take(), error.retryAfter ?? .zero))
            }
        }
    }
}
