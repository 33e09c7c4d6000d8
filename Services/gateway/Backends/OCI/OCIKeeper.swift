package import BackendMachine
package import BackendPool
package import Logging
import NIOPosix
import ServiceLifecycle
package import SharedConfig
import Synchronization

/// What the oci backends of a gateway share: the host's parts, and the pool.
///
/// As a service it sweeps each minute, and at the end takes the pool down.
package final class OCIKeeper: Service {
    let pool: OCIPool
    private let hosts = Mutex<[OCIHost.Settings: OCIHost]>([:])
    private let mounts: [CgroupMount]
    private let logger: Logger

    private static let sweepInterval: Duration = .seconds(60)

    /// `report` takes the pool's events; `config` is that of the static file; `mounts` are the
    /// machine's control group hierarchies.
    package init(
        _ config: OCIConfig,
        keepsPool: Bool = true,
        mounts: [CgroupMount] = CgroupMount.all(),
        logger: Logger,
        report: @escaping @Sendable (PoolEvent) -> Void = { _ in }
    ) {
        self.mounts = mounts
        self.logger = logger
        var limits = PoolLimits(config.pool)
        if !keepsPool { limits.total = 0 }
        pool = OCIPool(limits: limits, observe: report)
    }

    /// The host of a configuration; made when it is first asked for. Blocks on files.
    package func host(for config: OCIConfig) throws -> OCIHost {
        let settings = OCIHost.Settings(config)
        return try hosts.withLock { hosts in
            if let host = hosts[settings] { return host }
            let host = try OCIHost(settings, mounts: mounts, logger: logger)
            hosts[settings] = host
            return host
        }
    }

    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.pool.run() }
            try? await cancelWhenGracefulShutdown {
                while true {
                    try await Task.sleep(for: Self.sweepInterval)
                    for host in self.hosts.withLock({ Array($0.values) }) { await host.sweep() }
                }
            }
        }
    }
}

typealias OCIPool = WarmPool<WaitingContainer>
