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
        share = PoolShare(config.pool, memoryEach: Self.memory(pod.spec))
    }

    /// The sum of the containers' limits, in bytes; 0 where one has none.
    static func memory(_ spec: ConfigTree) -> Int {
        var sum = 0
        for container in (PodHardening.applied(to: spec)["containers"] ?? .null).elements {
            let limit = container[path: ["resources", "limits", "memory"]] ?? .null
            guard let bytes = quantity(limit) else { return 0 }
            sum += bytes
        }
        return sum
    }

    /// A quantity of the API: `128Mi`, `1G`, `1e9`.
    static func quantity(_ tree: ConfigTree) -> Int? {
        if case .integer(let bytes) = tree { return bytes }
        guard case .string(let text) = tree else { return nil }
        let units: [(String, Double)] = [
            ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776),
            ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("", 1),
        ]
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number >= 0,
                number * factor < 1e18
            else { return nil }
            return Int(number * factor)
        }
        return nil
    }
}
