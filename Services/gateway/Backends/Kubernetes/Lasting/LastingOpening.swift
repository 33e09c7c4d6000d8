import Logging
import NIOCore
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages
import SharedWaiting

/// Sees to it that the pod a person keeps is there and runs.
struct LastingOpening: Sendable {
    let opening: PodOpening

    private var config: KubernetesConfig { opening.config }
    private var plan: PodPlan { opening.plan }

    /// How often a pod that is not there is looked for, where we do not make it.
    private static let mostLooks = 3

    /// The running pod.
    func run() async throws -> Pod {
        do {
            return try await within(
                config.timeouts.podStart,
                late: CodedError(.kubernetesPodWaitFailed, detail: "not ready in time"),
                { try await self.settle() }
            )
        }
    }

    private func settle() async throws -> Pod {
        var pause = Pauses(from: .milliseconds(100), upTo: .seconds(2))
        var looks = 0
        var failures = 0
        while true {
            try Task.checkCancellation()
            do {
                let found = try await opening.client.pod(plan.name, namespace: plan.namespace)
                if let found, !found.isBeingDeleted, !found.hasEnded {
                    if try await runs(found) { return found }
                    continue
                }
                if found == nil || found?.hasEnded == true { looks += 1 }
                try await replace(found, looks)
            } catch {
                let error = CodedError.of(error, .kubernetesPodWaitFailed)
                guard let coded = error as? CodedError, coded.isRetryable, failures < 6 else {
                    throw error
                }
                failures += 1
                opening.logger.emit(coded, ["podName": "\(plan.name)"], level: .debug)
            }
            try await Task.sleep(for: pause.take())
        }
    }

    private func replace(_ found: Pod?, _ looks: Int) async throws {
        guard config.pod.createMissingPods else {
            guard looks < Self.mostLooks else {
                throw CodedError(
                    .kubernetesPodNotFound,
                    detail: "\(plan.namespace)/\(plan.name) \(found?.phase ?? "")"
                )
            }
            return
        }
        guard let found else {
            do {
                _ = try await opening.create(within: config.timeouts.podStart)
            } catch let error as CodedError where error.clusterStatus == 409 {
                // Another gateway was quicker.
                opening.logger.emit(.kubernetesPodFound, ["podName": "\(plan.name)"])
            }
            return
        }
        // One that has ended never runs again, and holds the name.
        if found.hasEnded, !found.isBeingDeleted {
            await opening.remover.remove(found.name, uid: found.uid)
        }
    }

    /// Waits until the console container runs; false when the pod went away meanwhile.
    private func runs(_ pod: Pod) async throws -> Bool {
        let follower = PodFollower(
            pod,
            container: plan.container,
            client: opening.client,
            loop: opening.loop,
            progress: opening.progress,
            logger: opening.logger
        )
        follower.start()
        let result: Result<Bool, any Error>
        do {
            result = .success(try await proves(pod, follower))
        } catch {
            result = .failure(follower.trouble ?? error)
        }
        await follower.stop()
        return try result.get()
    }

    /// A container that takes an exec runs, whatever the server says about it yet.
    private func proves(_ pod: Pod, _ follower: PodFollower) async throws -> Bool {
        if case .running? = pod.container(plan.container) { return true }
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                var pause = Pauses(from: .milliseconds(50), upTo: .milliseconds(500))
                while true {
                    let now = try await opening.client.pod(plan.name, namespace: plan.namespace)
                    if case .running? = now?.container(plan.container) { return true }
                    try await Task.sleep(for: pause.take())
                }
            }
            group.addTask { throw try await follower.end.value() }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }
}
