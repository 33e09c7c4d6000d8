package import NIOCore
package import SharedSSH

/// How a test server behaves.
package struct TestBehaviour: Sendable {
    /// Decides an attempt; everyone is let in unless replaced.
    package var authenticate: @Sendable (AuthenticationAttempt) async -> AuthenticationVerdict = {
        switch $0.method {
        case .publicKeyBadSignature, .unusableKey, .unsupported, .none, .passwordChange,
            .keyboardInteractive, .keyboardInteractiveAnswers:
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
        case .exec(let command): return start(command)
        case .shell: return start("cat")
        case .environment, .pty, .windowChange, .signal: return true
        case .subsystem, .unsupported: return false
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
