import BackendPool
package import GatewayCore
package import GuestAgent
package import Logging
package import SharedConfig
import SharedKubernetes
import SharedLogging
package import SharedMessages
import SharedSSH
import SharedWaiting

/// Pods of a Kubernetes cluster: one for every connection, for every program of it, or one that a
/// person keeps.
package final class KubernetesBackend: Backend {
    package static let name = "kubernetes"
    package static let requestCodes: RequestCodes? = RequestCodes(
        alreadyRunning: .kubernetesProgramAlreadyRunning,
        signalTooEarly: .kubernetesSignalFailedNoPid,
        notRunning: .kubernetesProgramNotRunning
    )

    let config: KubernetesConfig
    let client: ClusterClient
    let bringer: AgentBringer
    private let lasting: LastingPods
    private let reaper: PodReaper
    let pool: PoolUse?
    let logger: Logger

    /// Names this process in the labels of its pods.
    private static let instance = String(UInt64.random(in: .min ... .max), radix: 16)

    /// Reads certificate files and so blocks for a moment; calls no server.
    ///
    /// Throws `KUBERNETES_CONFIG_ERROR`.
    /// `pool` is shared by the backends of all configurations.
    package init(
        config: KubernetesConfig,
        agent: AgentFiles,
        pool: KubernetesPool? = nil,
        logger: Logger
    ) throws(CodedError) {
        self.config = config
        self.logger = logger
        self.pool = PoolUse(pool, config)
        do {
            client = try ClusterClient(
                ClusterOptions(config.connection, timeout: config.timeouts.http)
            )
        } catch {
            throw CodedError(.kubernetesConfigError, detail: "\(error)", cause: error)
        }
        bringer = AgentBringer(files: agent, config: config, logger: logger)
        lasting = LastingPods(client: client, instance: Self.instance, logger: logger)
        reaper = PodReaper(
            client: client,
            namespace: config.pod.metadata.text("namespace"),
            lasting: lasting,
            logger: logger
        )
    }

    /// Removes what dead gateways have left in the namespace, in the background; what it cannot do
    /// is logged. This goes on every minute; openings under other configurations do the same.
    package func startSweep() { reaper.start() }

    func sweep() async { await reaper.sweep() }

    package func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        reaper.sweepWhenDue()
        if config.pod.disableAgent { logger(for: request).emit(.kubernetesGuestAgentDisabled) }
        switch config.pod.mode {
        case .connection: return try await open(request, 1, progress)
        case .session:
            return SessionWorkspace(
                label: "pods-" + request.connectionID.prefix(12),
                codes: SessionWorkspace.Codes(
                    shuttingDown: .kubernetesPodShuttingDown,
                    forwardingFailed: .kubernetesForwardingFailed
                ),
                logger: logger(for: request),
                check: { [config] in _ = try PodWorkspace.arguments(for: $0, config.pod) },
                open: { [self] number in
                    SessionWorkspace.Place(try await open(request, number) { _ in })
                }
            )
        case .persistent: return try await openLasting(request, progress)
        }
    }

    // MARK: - Pods of a connection

    private func open(
        _ request: WorkspaceRequest,
        _ number: Int,
        _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> any PodHolding {
        if let pooled = try await takeFromPool(request) { return pooled }
        let opening = opening(request, plan(request, number), progress)
        let workspace: any PodHolding
        if config.pod.disableAgent {
            workspace = PodWorkspace(
                try await opening.run(),
                config: config,
                environment: [],
                loop: request.eventLoop,
                logger: logger(for: request)
            )
        } else {
            let pod = try await bringer(request).agent(of: opening)
            workspace = try await self.workspace(pod, request)
        }
        workspace.mark(Self.attached)
        return workspace
    }

    static let attached: ConfigTree = [
        "metadata": ["annotations": [.init(stringLiteral: PodKeys.attached): "true"]]
    ]

    /// Greets the agent of a pod that is this connection's, and starts the idle command that is
    /// configured. What throws has removed the pod.
    func workspace(
        _ pod: AgentPod,
        _ request: WorkspaceRequest,
        patience: Duration? = nil
    ) async throws -> AgentPodWorkspace {
        let logger = logger(for: request)
        let isDefaultShell = config.pod.shellCommand == KubernetesPodConfig().shellCommand
        let commands = AgentCommands(
            environment: environment(request),
            shellCommand: config.pod.shellCommand,
            spareShell: isDefaultShell ? [PodScripts.shell] : [],
            subsystems: config.pod.subsystems
        )
        let workspace = AgentPodWorkspace(
            pod: pod,
            link: try await pod.greet(config, within: patience ?? config.timeouts.podStart, logger),
            commands: commands,
            config: config,
            logger: logger
        )
        guard pod.remover != nil, !PodScripts.waitsForNothing(config.pod) else { return workspace }
        do {
            try await workspace.idle(config.pod.idleCommand)
            return workspace
        } catch {
            await workspace.close()
            throw error
        }
    }

    private func plan(_ request: WorkspaceRequest, _ number: Int) -> PodPlan {
        let person = PodPerson(request, config.pod)
        return PodPlan(
            config.pod,
            name: podName(request.connectionID, number),
            first: first,
            labels: person.labels.merging(leaseLabels) { $1 },
            annotations: person.annotations,
            environment: person.environment
        )
    }

    var first: PodPlan.First {
        guard !config.pod.disableAgent else { return .waiting }
        return config.pod.agent.usesImage ? .agentOfImage(config.pod.agent.image) : .agentToCome
    }

    /// Names are known before the server has answered: what it has made can be removed.
    private func podName(_ connectionID: String, _ number: Int) -> String {
        let own = config.pod.metadata.text("name")
        let prefix = config.pod.metadata.text("generateName")
        let first = own.isEmpty ? "\(prefix)\(connectionID)" : own
        return number == 1 ? first : "\(first)-\(number)"
    }

    var leaseLabels: [String: String] {
        // Beyond this, whoever was opening or removing it has given up.
        let time = config.timeouts.podStart + config.timeouts.podStop + .seconds(60)
        return [
            PodKeys.instance: Self.instance, PodKeys.lease: "\(time.components.seconds)",
        ]
    }

    // MARK: - Pods that stay

    private func openLasting(
        _ request: WorkspaceRequest,
        _ progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        let logger = logger(for: request)
        let opening = opening(request, lastingPlan(request), progress)
        let plan = opening.plan
        let pod = try await lasting.pod(plan.namespace, plan.name) {
            try await LastingOpening(opening: opening).run()
        }
        let follower = PodFollower(
            pod,
            container: plan.container,
            client: opening.client,
            loop: request.eventLoop,
            progress: { _ in },
            logger: logger
        )
        follower.start()
        let running = RunningPod(
            pod: pod,
            container: plan.container,
            lifeline: nil,
            follower: follower,
            remover: opening.remover,
            client: opening.client
        )
        do {
            let shared: any PodHolding
            if config.pod.disableAgent {
                shared = PodWorkspace(
                    running,
                    config: config,
                    environment: environment(request),
                    loop: request.eventLoop,
                    logger: logger
                )
            } else {
                shared = try await joined(running, request)
            }
            return await LastingPodWorkspace(shared, pod: pod, in: lasting)
        } catch {
            await follower.stop()
            throw error
        }
    }

    private func lastingPlan(_ request: WorkspaceRequest) -> PodPlan {
        let name = config.pod.metadata.text("name")
        let who =
            request.authenticatedUsername.isEmpty
            ? request.username : request.authenticatedUsername
        let person = PodPerson(request, config.pod)
        // The pod is the person's, not the connection's.
        var labels = person.labels
        labels[PodKeys.connectionID] = nil
        labels[PodKeys.instance] = Self.instance
        labels[PodKeys.idle] = "\(config.pod.idleTimeout.components.seconds)"
        return PodPlan(
            config.pod,
            name: name.isEmpty ? PodKeys.podName(of: who) : name,
            first: .lasting,
            labels: labels,
            annotations: person.annotations
        )
    }

    /// Starts an agent in a running pod that others may use, too; one that does not have it gets
    /// a copy.
    private func joined(
        _ running: RunningPod,
        _ request: WorkspaceRequest
    ) async throws -> AgentPodWorkspace {
        do {
            return try await join(running, request)
        } catch let error as CodedError where error.isMissingAgent {
            try await bringer(request).bring(running)
            return try await join(running, request)
        }
    }

    private func join(
        _ running: RunningPod,
        _ request: WorkspaceRequest
    ) async throws -> AgentPodWorkspace {
        let stream = try await coded(.kubernetesPodWaitFailed) {
            try await running.client.open(
                PodExec(container: running.container, command: PodScripts.joinAgent),
                in: running.pod.name,
                namespace: running.pod.namespace,
                on: request.eventLoop
            )
        }
        let pod = AgentPod(
            pod: running.pod,
            container: running.container,
            transport: PodTransport(stream),
            stream: stream,
            follower: running.follower,
            remover: nil,
            client: running.client
        )
        return try await workspace(pod, request)
    }

    // MARK: - Parts

    private func environment(_ request: WorkspaceRequest) -> [(name: String, value: RawText)] {
        PodPerson(request, config.pod).environment
            .map { (name: $0.name, value: RawText($0.value)) }
    }

    private func opening(
        _ request: WorkspaceRequest,
        _ plan: PodPlan,
        _ progress: @escaping @Sendable (String) -> Void
    ) -> PodOpening {
        PodOpening(
            client: client.limited(),
            plan: plan,
            config: config,
            loop: request.eventLoop,
            progress: progress,
            logger: logger(for: request)
        )
    }

    private func bringer(_ request: WorkspaceRequest) -> AgentBringer {
        AgentBringer(files: bringer.files, config: config, logger: logger(for: request))
    }

    func logger(for request: WorkspaceRequest) -> Logger {
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(request.connectionID)"
        return logger
    }
}

extension CodedError {
    /// Whether an agent said nothing, as one does that is not there.
    fileprivate var isMissingAgent: Bool {
        (cause as? CodedError)?.code == .agentHelloFailed
    }
}
