import BackendMachine
import BackendPool
import Foundation
package import GatewayCore
import GuestAgent
package import Logging
import NIOCore
import NIOPosix
package import SharedConfig
import SharedImages
import SharedLogging
import SharedMessages
import SharedModels
import SharedSSH

/// A container of this machine per connection: an image of the store, run by crun or runc, without
/// a daemon. The agent is its first process, and everything in it goes over the agent's streams.
///
/// However the gateway ends, its containers end with it.
package final class OCIBackend: Backend {
    package static let name = "oci"

    /// A container that waits answers at once or never.
    private static let pingLimit: Duration = .seconds(1)

    private let config: OCIConfig
    private let host: OCIHost
    private let pool: OCIPool
    private let logger: Logger

    /// Throws nothing and touches nothing; `check()` tells whether this machine is able.
    package init(config: OCIConfig, keeper: OCIKeeper, logger: Logger) throws {
        self.config = config
        self.logger = logger
        host = try keeper.host(for: config)
        pool = keeper.pool
        let wanted: [(String, Bool)] = [
            ("memory", config.memory > 0), ("pids", config.pids > 0), ("cpu", config.cpus > 0),
        ]
        for (controller, reason) in host.groups.missing
        where wanted.contains(where: { $0.0 == controller.rawValue && $0.1 }) {
            logger.emit(
                .ociLimitNotApplied,
                ["limit": "\(controller.rawValue)", "reason": "\(reason)"]
            )
        }
    }

    /// Chooses the runtime, looks for the image, and starts what is to wait in the pool.
    ///
    /// Throws a `CodedError` that says what is missing.
    package func check() async throws {
        try await host.prepare()
        let (plan, _) = try await host.plan(config)
        pool.keep(key(plan), share, make: recipe)
    }

    package func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        let (plan, use) = try await host.plan(config)
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(request.connectionID)"
        let (container, link) = try await container(request, plan, use, logger)
        logger.emit(.ociOpened, ["container": "\(container.id)"])
        return OCIWorkspace(
            request: request,
            config: config,
            container: container,
            link: link,
            logger: logger
        )
    }

    private func container(
        _ request: WorkspaceRequest,
        _ plan: ContainerPlan,
        _ use: ImageUse,
        _ logger: Logger
    ) async throws -> (OCIContainer, AgentLink) {
        if let waiting = pool.take(key(plan), share, make: recipe) {
            do {
                try await waiting.link.ping(within: Self.pingLimit)
                return (waiting.container, waiting.link)
            } catch {
                // It died unnoticed; the person gets a new one.
                await waiting.discard()
                try Task.checkCancellation()
            }
        }
        let container = try await host.start(request.connectionID, plan, use)
        return (container, try await container.connect(on: request.eventLoop, logger: logger))
    }

    // MARK: - Pool

    private var share: PoolShare { PoolShare(config.pool, memoryEach: config.memory) }

    private func key(_ plan: ContainerPlan) -> PoolKey {
        PoolKey(hashing: host.digestParts(of: plan))
    }

    private var recipe: @Sendable () async throws -> WaitingContainer {
        { [host, config, logger] in
            let (plan, use) = try await host.plan(config)
            let container = try await host.start(UUID().uuidString.lowercased(), plan, use)
            // Greeted now, so that only such wait as work, and nobody waits for the agent.
            let loop = NIOSingletons.posixEventLoopGroup.any()
            let link = try await container.connect(on: loop, logger: logger)
            return WaitingContainer(container: container, link: link)
        }
    }
}

/// A container of the pool.
struct WaitingContainer: PooledItem {
    let container: OCIContainer
    let link: AgentLink

    var isReady: Bool { container.isRunning }

    func discard() async {
        await link.close()
        await container.discard()
    }
}
