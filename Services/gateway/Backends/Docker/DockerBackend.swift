import BackendPool
package import GatewayCore
package import GuestAgent
package import Logging
package import SharedConfig
import SharedDocker
import SharedLogging
package import SharedMessages
import SharedSSH
import SharedWaiting
import NIOPosix

/// Containers of a Docker engine: one for every connection, for every program of it, or one that a
/// person keeps.
///
/// One process runs in the container from its start to its end and does nothing; every program of
/// the connection is an exec beside it.
package final class DockerBackend: Backend {
    package static let name = "docker"
    package static let requestCodes: RequestCodes? = RequestCodes(
        alreadyRunning: .dockerProgramAlreadyRunning,
        signalTooEarly: .dockerSignalFailedNoPid,
        notRunning: .dockerProgramNotRunning
    )

    private let config: DockerConfig
    private let engine: EngineClient
    private let images: ImageKeeper
    private let reaper: ContainerReaper
    private let ending: ContainerEnding
    private let lasting: LastingContainers
    private let kept: KeptContainers
    private let delivery: AgentDelivery
    private let pool: PoolUse?
    private let owed = OwedContainers()
    private let told = ContainerTrouble.Told()
    private let logger: Logger

    /// Names this process in the labels of its containers.
    private static let instance = String(UInt64.random(in: .min ... .max), radix: 16)

    /// Reads certificate files and so blocks for a moment; calls no engine.
    ///
    /// Throws `DOCKER_CONFIG_ERROR`.
    /// `pool` is shared by the backends of all configurations.
    package init(
        config: DockerConfig,
        agent: AgentFiles,
        pool: DockerPool? = nil,
        logger: Logger
    ) throws(CodedError) {
        self.config = config
        self.logger = logger
        self.pool = PoolUse(pool, config)
        engine = try EngineClient(config, logger: logger)
        images = ImageKeeper(engine: engine, config: config, logger: logger)
        ending = ContainerEnding(engine: engine, timeouts: config.timeouts, logger: logger)
        lasting = LastingContainers(engine: engine, ending: ending, logger: logger)
        kept = KeptContainers(time: config.execution.resume, logger: logger)
        reaper = ContainerReaper(engine: engine, lasting: lasting, logger: logger)
        delivery = AgentDelivery(
            files: agent,
            asked: config.execution.agent.delivery,
            engine: engine,
            logger: logger
        )
    }

    /// Removes what dead gateways have left on the engine, in the background; what it cannot do is
    /// logged. This goes on every minute; openings under other configurations do the same.
    package func startSweep() { reaper.start() }

    func sweep() async { await reaper.sweep() }

    package func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        reaper.sweepWhenDue()
        if config.execution.disableAgent { logger(for: request).emit(.dockerGuestAgentDisabled) }
        switch config.execution.mode {
        case .connection: return try await openConnection(request, progress)
        case .session: return try await openSession(request, progress)
        case .persistent: return try await openLasting(request, progress)
        }
    }

    // MARK: - Modes

    private func openConnection(
        _ request: WorkspaceRequest,
        _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        guard config.execution.resume > .zero else { return try await open(request, progress) }
        let owner = KeptContainers.Owner(
            username: request.username,
            authenticatedUsername: request.authenticatedUsername
        )
        let left: KeptContainers.Left
        if let found = await kept.take(owner) {
            logger(for: request).emit(
                .dockerContainerResumed,
                ["container": "\(found.workspace.containerID)"]
            )
            left = found
        } else {
            left = KeptContainers.Left(workspace: try await open(request, progress), screens: [])
        }
        return KeptWorkspace(
            left,
            of: owner,
            in: kept,
            environment: environment(request),
            logger: logger(for: request)
        )
    }

    /// The image is seen to now, when the person can be told; the containers come later.
    private func openSession(
        _ request: WorkspaceRequest,
        _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        let late = CodedError(.dockerImagePullFailed, detail: "not there in time")
        try await within(config.timeouts.containerStart, late: late) { [images, config] in
            try await images.provide(
                config.execution.container.text("image"),
                platform: ContainerSpec.platform(config.execution.platform),
                progress: progress
            )
        }
        return SessionWorkspace(
            label: "docker-session-" + request.connectionID.prefix(12),
            codes: SessionWorkspace.Codes(
                shuttingDown: .dockerContainerShuttingDown,
                forwardingFailed: .dockerForwardingFailed
            ),
            logger: logger(for: request),
            check: { [config] in _ = try ProgramCommand.arguments(for: $0, config.execution) },
            open: { [self] number in
                let container = try await open(request, number: number, pulls: false) { _ in }
                return SessionWorkspace.Place(container) { [ending] hasExited in
                    // What the program left behind gets time to end.
                    if hasExited {
                        await ending.stop(container.containerID)
                    } else {
                        await ending.kill(container.containerID)
                    }
                }
            }
        )
    }

    private func openLasting(
        _ request: WorkspaceRequest,
        _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        let logger = logger(for: request)
        let execution = config.execution
        let person =
            request.authenticatedUsername.isEmpty
            ? request.username : request.authenticatedUsername
        let labels = [
            ContainerLease.instanceLabel: Self.instance,
            ContainerLease.ownerLabel: person,
            ContainerLease.idleLabel: "\(execution.idleTimeout.components.seconds)",
        ]
        let name =
            execution.containerName.isEmpty ? LastingName.of(person) : execution.containerName
        let opening = LastingOpening(
            engine: engine,
            images: images,
            spec: ContainerSpec(lasting: name, execution, labels: labels),
            config: config,
            progress: progress,
            logger: logger
        )
        let join = LastingJoin(
            engine: engine,
            containers: lasting,
            opening: opening,
            idle: execution.idleTimeout
        ) { [self] id in try await self.join(id, request) }
        return LastingWorkspace(
            try await join.run(),
            by: join,
            environment: environment(request)
        )
    }

    /// The use of a container that runs and stays.
    private func join(
        _ id: String,
        _ request: WorkspaceRequest
    ) async throws -> any ContainerWorkspace {
        guard hasOwnExecs else {
            return try await use(request).workspace(in: id, delivery, on: request.eventLoop)
        }
        let remover = ContainerRemover(
            engine: engine,
            limit: config.timeouts.containerStop,
            logger: logger(for: request)
        )
        return workspace(RunningContainer(id: id, lifeline: nil, remover: remover), request)
    }

    private func environment(_ request: WorkspaceRequest) -> [(name: String, value: RawText)] {
        ContainerSpec.environment(config.execution, request)
            .map { (name: $0.name, value: RawText($0.value)) }
    }

    // MARK: - Containers

    private func open(
        _ request: WorkspaceRequest,
        number: Int = 1,
        pulls: Bool = true,
        _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> any ContainerWorkspace {
        if let pooled = try await takeFromPool(request) { return pooled }
        let opening = containerOpening(request, number, pulls, progress)
        guard !hasOwnExecs else {
            return workspace(try await opening.run(), request)
        }
        let agent = AgentOpening(opening: opening, delivery: delivery)
        return try await use(request).workspace(try await agent.container())
    }

    /// Whether each program is an exec of the engine: without an agent, or with the image's.
    private var hasOwnExecs: Bool {
        config.execution.disableAgent || config.execution.agent.delivery == .none
    }

    // MARK: - The pool

    /// Keeps containers for this configuration, before anybody has come.
    package func startPool() {
        guard let pool else { return }
        pool.pool.keep(pool.key, pool.share) { [self] in try await makePooled() }
    }

    private func takeFromPool(_ request: WorkspaceRequest) async throws -> AgentWorkspace? {
        guard let pool,
            let item = pool.pool.take(
                pool.key,
                pool.share,
                make: { [self] in try await makePooled() }
            )
        else { return nil }
        do {
            let workspace = try await use(request, patience: Self.pooledPatience)
                .workspace(item.container)
            let name = ContainerName.adopted(by: request.connectionID, of: request.username)
            workspace.adopt(as: name, engine)
            return workspace
        } catch {
            try Task.checkCancellation()
            logger(for: request).emit(
                .dockerPooledContainerFailed,
                ["reason": "\(error)", "container": "\(item.container.id)"]
            )
            return nil
        }
    }

    private func makePooled() async throws -> PooledContainer {
        let name = "berth-pool-" + String(UInt64.random(in: .min ... .max), radix: 16)
        var labels = lease.labels(connectionID: "")
        labels[ContainerLease.poolLabel] = "\(pool?.key.description ?? "")"
        let agent = AgentOpening(
            opening: ContainerOpening(
                engine: engine,
                images: images,
                spec: ContainerSpec(waiting: name, config.execution, labels: labels),
                config: config,
                loop: MultiThreadedEventLoopGroup.singleton.next(),
                progress: { _ in },
                logger: logger,
                owed: owed
            ),
            delivery: delivery
        )
        return PooledContainer(container: try await agent.container())
    }

    // MARK: - Parts

    private var lease: ContainerLease {
        ContainerLease(
            instance: Self.instance,
            // Beyond this, whoever was opening or removing it has given up.
            time: config.timeouts.containerStart + config.timeouts.containerStop + .seconds(60)
        )
    }

    /// An agent that has waited answers at once, or something is wrong with it.
    private static let pooledPatience = Duration.seconds(2)

    private func use(_ request: WorkspaceRequest, patience: Duration? = nil) -> AgentUse {
        AgentUse(
            engine: engine,
            config: config,
            patience: patience ?? config.timeouts.containerStart,
            // A container that waits for its person gets it with each of their connections.
            environment: config.execution.resume > .zero ? [] : environment(request),
            told: told,
            logger: logger(for: request)
        )
    }

    private func workspace(
        _ container: RunningContainer,
        _ request: WorkspaceRequest
    ) -> DockerWorkspace {
        DockerWorkspace(
            container: container,
            engine: engine,
            config: config,
            loop: request.eventLoop,
            told: told,
            logger: logger(for: request)
        )
    }

    func openContainer(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> RunningContainer {
        try await containerOpening(request, 1, true, progress).run()
    }

    private func containerOpening(
        _ request: WorkspaceRequest,
        _ number: Int,
        _ pulls: Bool,
        _ progress: @escaping @Sendable (String) -> Void
    ) -> ContainerOpening {
        ContainerOpening(
            engine: engine,
            images: pulls ? images : nil,
            spec: ContainerSpec(config.execution, request, lease, number: number),
            config: config,
            loop: request.eventLoop,
            progress: progress,
            logger: logger(for: request),
            owed: owed
        )
    }

    private func logger(for request: WorkspaceRequest) -> Logger {
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(request.connectionID)"
        return logger
    }
}
