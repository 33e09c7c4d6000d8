import BackendPool
import GatewayCore
import Logging
import NIOPosix
import SharedConfig
import SharedKubernetes
import SharedLogging
import SharedMessages

extension KubernetesBackend {
    /// An agent that has waited answers at once, or something is wrong with it.
    private static let pooledPatience = Duration.seconds(10)

    /// Keeps pods for this configuration, before anybody has come.
    package func startPool() {
        guard let pool else { return }
        pool.pool.keep(pool.key, pool.share) { [self] in try await makePooled() }
    }

    /// A pod of the pool that has become this connection's; `nil` where none waits that answers.
    func takeFromPool(_ request: WorkspaceRequest) async throws -> AgentPodWorkspace? {
        guard let pool,
            let item = pool.pool.take(
                pool.key,
                pool.share,
                make: { [self] in try await makePooled() }
            )
        else { return nil }
        let name = item.pod.pod.name
        do {
            let workspace = try await workspace(item.pod, request, patience: Self.pooledPatience)
            logger(for: request).emit(.kubernetesPodAdopted, ["podName": "\(name)"])
            workspace.mark(adoption(request))
            return workspace
        } catch {
            try Task.checkCancellation()
            logger(for: request).emit(
                .kubernetesPooledPodFailed,
                ["reason": "\(error)", "podName": "\(name)"]
            )
            return nil
        }
    }

    private func adoption(_ request: WorkspaceRequest) -> ConfigTree {
        let person = PodPerson(request, config.pod)
        var labels = person.labels.mapValues { ConfigTree.string($0) }
        labels[PodKeys.pool] = .null
        return [
            "metadata": [
                "labels": .map(labels),
                "annotations": .map(person.annotations.mapValues { .string($0) }),
            ]
        ]
    }

    private func makePooled() async throws -> PooledPod {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        let prefix = config.pod.metadata.text("generateName")
        let plan = PodPlan(
            config.pod,
            name: "\(prefix)pool-\(digits)",
            first: first,
            labels: leaseLabels.merging([PodKeys.pool: "\(pool?.key.description ?? "")"]) { $1 }
        )
        let opening = PodOpening(
            client: client.limited(),
            plan: plan,
            config: config,
            loop: MultiThreadedEventLoopGroup.singleton.next(),
            progress: { _ in },
            logger: logger
        )
        let pod = try await bringer.agent(of: opening)
        do {
            try await pod.client.patchPod(
                plan.name,
                namespace: plan.namespace,
                Self.attached
            )
            return PooledPod(pod: pod)
        } catch {
            await pod.discard()
            throw CodedError.of(error, .kubernetesPodMarkFailed)
        }
    }
}
