package import BackendPool
import Logging
import SharedConfig
import SharedDocker

/// Containers of Docker engines that wait for people, all configurations together.
package typealias DockerPool = WarmPool<PooledContainer>

/// A started container whose agent waits for its greeting.
package struct PooledContainer: PooledItem {
    let container: AgentContainer

    package var isReady: Bool { !container.transport.hasEnded }

    package func discard() async { await container.discard() }
}

/// What one effective configuration has to do with the pool.
struct PoolUse: Sendable {
    let pool: DockerPool
    let key: PoolKey
    let share: PoolShare

    /// `nil` where every container is somebody's from the start.
    init?(_ pool: DockerPool?, _ config: DockerConfig) {
        let execution = config.execution
        guard let pool, config.pool.maximum > 0, execution.mode == .connection,
            !execution.disableAgent, execution.agent.delivery != .none,
            execution.containerName.isEmpty
        else { return nil }
        self.pool = pool
        let host = HostDefaults.applied(to: ContainerFields.host(execution.host))
        let parts = [
            config.connection.host, execution.container.json, host.json, execution.network.json,
            execution.platform.json, execution.imagePullPolicy.rawValue,
            execution.agent.delivery.rawValue,
        ]
        key = PoolKey(hashing: parts.map { Array($0.utf8) })
        var memory = 0
        if case .integer(let limit)? = host["Memory"] { memory = limit }
        share = PoolShare(config.pool, memoryEach: memory)
    }
}
