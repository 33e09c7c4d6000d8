package import BackendPool
import SharedConfig
import SharedKubernetes
import SharedWaiting

/// Pods of clusters that wait for people, all configurations together.
package typealias KubernetesPool = WarmPool<PooledPod>

/// A running pod whose agent waits for its greeting.
package struct PooledPod: PooledItem {
    let pod: AgentPod

    package var isReady: Bool { !pod.transport.hasEnded && !pod.follower.end.isSettled }

    package func discard() async { await pod.discard() }
}

/// What one effective configuration has to do with the pool.
struct PoolUse: Sendable {
    let pool: KubernetesPool
    let key: PoolKey
    let share: PoolShare

    /// `nil` where every pod is somebody's from the start.
    init?(_ pool: KubernetesPool?, _ config: KubernetesConfig) {
        let pod = config.pod
        guard let pool, config.pool.maximum > 0, pod.mode == .connection, !pod.disableAgent,
            pod.metadata["name"] == nil
        else { return nil }
        self.pool = pool
        let connection = config.connection
        let parts = [
            connection.host, connection.path, connection.kubeconfig, connection.context,
            pod.metadata.json, pod.spec.json, "\(pod.consoleContainerNumber)",
            pod.agent.delivery.rawValue, pod.agent.image,
        ]
        key = PoolKey(hashing: parts.map { Array($0.utf8) })
        share = PoolShare(config.pool, memoryEach: PodHardening.memory(pod.spec))
    }
}
