package import Logging
package import MetricsClient
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
package import SharedSSH
import SharedTracing

/// The innermost layer: gives the connection a workspace and runs programs in it.
///
/// The workspace opens in the background from the moment of authentication; sessions wait for it
/// and tell the person what they wait for.
package final class BackendLayer: ServerConnectionHandler {
    private let state: ConnectionState
    private let backends: any BackendProvider
    private let holder: WorkspaceHolder
    private let forwarder: Forwarder
    private let metrics: GatewayMetrics
    private let showsCommands: Bool
    private let logger: Logger
    private let onWorkspace: @Sendable (String) -> Void

    /// `onWorkspace` gets the label of the connection's workspace once it is there.
    package init(
        state: ConnectionState,
        backends: any BackendProvider,
        control: any ServerConnectionControl,
        metrics: GatewayMetrics,
        showsCommands: Bool,
        logger: Logger,
        onWorkspace: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.state = state
        self.onWorkspace = onWorkspace
        self.showsCommands = showsCommands
        holder = WorkspaceHolder()
        forwarder = Forwarder(state: state, holder: holder, control: control, logger: logger)
        self.backends = backends
        self.metrics = metrics
        self.logger = logger
    }

    package func handshakeCompleted(_ handshake: HandshakeFacts) async {}

    package func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        // Who somebody is has been answered by the layers outside.
        .refused(methods: [])
    }

    package func authenticated(as username: String) async throws {
        let facts = state.facts
        guard let config = facts.userConfig else {
            throw ServerRefusal.unavailable(.backendConfigError)
        }
        let backend: any Backend
        do {
            backend = try await backends.backend(for: config)
        } catch {
            logger.emit(.sshBackendRejectedHandshake, ["reason": "\(error)"])
            throw ServerRefusal.because(error, fallback: .sshBackendRejectedHandshake)
        }
        await open(backend, facts, username)
    }

    private func open(
        _ backend: any Backend,
        _ facts: ConnectionFacts,
        _ username: String
    ) async {
        let name = type(of: backend).name
        let files = WorkspaceFiles(files: facts.carried.files, logger: logger)
        let start = ContinuousClock.now
        metrics.backendCalled(name)
        let request = request(facts, username)
        guard let trace = state.trace else {
            return await open(backend, name, request, files, start, nil)
        }
        let span = trace.root.child("backend.open", at: start)
        span.set(.backend, .string(name))
        await span.run { await open(backend, name, request, files, start, span) }
    }

    private func open(
        _ backend: any Backend,
        _ name: String,
        _ request: WorkspaceRequest,
        _ files: WorkspaceFiles,
        _ start: ContinuousClock.Instant,
        _ span: Span?
    ) async {
        await holder.open(backend, request) { [state, logger, metrics, onWorkspace] result in
            defer { span?.end() }
            switch result {
            case .success(let workspace):
                await files.put(into: workspace)
                let duration = ContinuousClock.now - start
                metrics.workspaceStarted(name, after: duration)
                metrics.stageEnded(.container, after: duration)
                span?.set(.workspace, .string(workspace.label))
                onWorkspace(workspace.label)
                logger.emit(.sshHandshakeSuccessful, ["workspace": "\(workspace.label)"])
            case .failure(let error):
                // The client left before its workspace was there: nothing has failed.
                guard !(error is CancellationError) else { return }
                span?.fail(error)
                state.trace?.root.fail(error)
                metrics.backendFailed(name, failure: type(of: backend).failureKind(of: error))
                logger.emit(.sshBackendRejectedHandshake, ["reason": "\(error)"])
            }
        }
    }

    package func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        logger.emit(.sshNewChannel, ["type": "session", "channelId": "\(channel.id)"])
        let session = BackendSession(
            channel: channel,
            holder: holder,
            forwarder: forwarder,
            exposed: exposedEnvironment,
            showsCommands: showsCommands,
            logger: state.identified(logger),
            onOutput: { [state, metrics] in
                guard let duration = state.timeOfFirstOutput() else { return }
                metrics.stageEnded(.firstByte, after: duration)
                state.trace?.over(.output)
            }
        )
        return .accepted(session)
    }

    package func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        logger.emit(
            .sshNewChannel,
            ["type": "\(target.channelType)", "channelId": "\(channel.id)"]
        )
        return await forwarder.openForward(channel, to: target)
    }

    package func listen(_ address: ForwardAddress) async -> ListenReply {
        await forwarder.listen(address)
    }

    package func cancelListen(_ address: ForwardAddress) async -> Bool {
        await forwarder.cancelListen(address)
    }

    package func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        logger.emit(.sshUnsupportedGlobalRequest, ["type": "\(request.type)"])
        return .failure
    }

    package func unsupportedChannel(type: String) async {
        logger.emit(.sshUnsupportedChannelType, ["type": "\(type)"])
    }

    package func malformed(_ request: MalformedRequest) async {
        logger.emit(.sshDecodeFailed, ["RequestType": "\(request.type)"])
    }

    package func disconnected(_ end: ConnectionEnd) async {
        // What is forwarded hangs on the workspace: it goes first.
        await forwarder.close()
        await holder.close()
    }

    // MARK: - Private

    private func request(_ facts: ConnectionFacts, _ username: String) -> WorkspaceRequest {
        WorkspaceRequest(
            connectionID: state.connectionID,
            username: username,
            authenticatedUsername: facts.authenticatedUsername,
            remoteAddress: state.remoteAddress.host,
            carried: facts.carried,
            eventLoop: state.eventLoop
        )
    }

    /// What sshd tells every program about where it came from (sshd(8), ENVIRONMENT).
    private var exposedEnvironment: [(name: String, value: RawText)] {
        let remote = state.remoteAddress
        return [(name: "SSH_CLIENT", value: "\(remote.host) \(remote.port) 22")]
    }
}
