package import NIOCore
package import SharedSSH

/// How a test server behaves.
package struct TestBehaviour: Sendable {
    /// Decides an attempt; everyone is let in unless replaced.
    package var authenticate: @Sendable (AuthenticationAttempt) async -> AuthenticationVerdict = {
        switch $0.method {
        case .publicKeyBadSignature, .unusableKey, .unsupported, .none, .passwordChange,
            .keyboardInteractive, .keyboardInteractiveAnswers, .gssapi, .gssapiToken,
            .gssapiProof:
            .refused(methods: ["publickey", "password"])
        case .password(let bytes):
            bytes == Array("wrong".utf8) ? .refused(methods: ["password"]) : .accepted
        case .publicKey, .publicKeyProbe: .accepted
        }
    }
    /// Before channels are served.
    package var authenticated: @Sendable (String) async throws -> Void = { _ in }
    package var openSession: @Sendable (Int) async -> (ChannelOpenFailureReason, String)? = { _ in
        nil
    }
    package var globalRequest: @Sendable (GlobalRequest) async -> GlobalReply = { _ in .failure }
    package var openForward:
        @Sendable (any ByteChannel, ForwardTarget) async -> ChannelDecision<any ForwardHandler> = {
            _,
            _ in .refused(.administrativelyProhibited, text: "no forwards")
        }
    package var listen: @Sendable (ForwardAddress) async -> ListenReply = { _ in
        .refused(text: "no listening")
    }
    package var cancelListen: @Sendable (ForwardAddress) async -> Bool = { _ in false }
    /// A connection has come; what can be done to it.
    package var connected: @Sendable (any ServerConnectionControl) -> Void = { _ in }
    /// Before a session's request is answered.
    package var request: @Sendable (SessionRequest) async -> Void = { _ in }

    package init() {}
}

/// A handler that writes everything down and runs small programs, see `TestPrograms`.
package actor TestConnectionHandler: ServerConnectionHandler {
    package nonisolated let control: any ServerConnectionControl
    private let eventLoop: any EventLoop
    private let behaviour: TestBehaviour
    private let journal: Journal
    private var sessionCount = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe eventLoop.executor.asUnownedSerialExecutor()
    }

    package init(
        remote: RemoteClient,
        control: any ServerConnectionControl,
        eventLoop: any EventLoop,
        behaviour: TestBehaviour,
        journal: Journal
    ) {
        self.control = control
        self.eventLoop = eventLoop
        self.behaviour = behaviour
        self.journal = journal
        journal.add(.connected(remote))
        behaviour.connected(control)
    }

    package func handshakeCompleted(_ handshake: HandshakeFacts) async {
        journal.add(.handshake(handshake))
    }

    package func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        journal.add(.attempt(attempt))
        return await behaviour.authenticate(attempt)
    }

    package func authenticated(as username: String) async throws {
        try await behaviour.authenticated(username)
        journal.add(.authenticated(username))
    }

    package func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        sessionCount += 1
        if let (reason, text) = await behaviour.openSession(sessionCount) {
            return .refused(reason, text: text)
        }
        journal.add(.sessionOpened(channel.id))
        return .accepted(
            TestSessionHandler(channel: channel, behaviour: behaviour, journal: journal)
        )
    }

    package func globalRequest(_ request: GlobalRequest) async -> GlobalReply {
        journal.add(.globalRequest(request))
        return await behaviour.globalRequest(request)
    }

    package func unsupportedChannel(type: String) async {
        journal.add(.unsupportedChannel(type))
    }

    package func malformed(_ request: MalformedRequest) async {
        journal.add(.malformed(request))
    }

    package func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        journal.add(.forward(target))
        return await behaviour.openForward(channel, target)
    }

    package func listen(_ address: ForwardAddress) async -> ListenReply {
        journal.add(.listen(address))
        return await behaviour.listen(address)
    }

    package func cancelListen(_ address: ForwardAddress) async -> Bool {
        journal.add(.cancelListen(address))
        return await behaviour.cancelListen(address)
    }

    package func disconnected(_ end: ConnectionEnd) async {
        journal.add(.disconnected(end))
    }
}

/// One session that runs one program.
actor TestSessionHandler: SessionHandler {
    private nonisolated let channel: any SessionChannel
    private let behaviour: TestBehaviour
    private let journal: Journal
    private var program: Task<Void, Never>?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe channel.eventLoop.executor.asUnownedSerialExecutor()
    }

    init(channel: any SessionChannel, behaviour: TestBehaviour, journal: Journal) {
        self.channel = channel
        self.behaviour = behaviour
        self.journal = journal
    }

    func handle(_ request: SessionRequest) async -> Bool {
        journal.add(.request(channel.id, request))
        await behaviour.request(request)
        switch request {
        case .exec(let command): return start(command.text)
        case .shell: return start("cat")
        case .environment, .pty, .windowChange, .signal, .x11, .agentForwarding, .breakSignal,
            .endOfWrite:
            return true
        case .subsystem, .unsupported, .malformed: return false
        }
    }

    private func start(_ command: String) -> Bool {
        guard program == nil, command != "refused" else { return false }
        program = Task { await TestPrograms(channel: channel, journal: journal).run(command) }
        return true
    }

    func closed() async {
        program?.cancel()
        await program?.value
        journal.add(.sessionClosed(channel.id))
    }
}
