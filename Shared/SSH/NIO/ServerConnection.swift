import DequeModule
import NIOCore

/// One connection of a server: turns what the machines say into questions to the handler, and its
/// answers into messages.
///
/// Runs on the connection's event loop. Questions about the connection are asked one after the
/// other by one task, those about a session by another; such a task exists only while there is
/// something to ask.
actor ServerConnection: SocketOwner {
    nonisolated let eventLoop: any EventLoop
    nonisolated let remote: RemoteClient
    let settings: SSHServerSettings
    let io: ConnectionIO
    private nonisolated let counter: TrafficCounter
    private let factory: ServerHandlerFactory
    private let onEnd: @Sendable (ServerConnection) -> Void
    var handler: (any ServerConnectionHandler)?
    var phase = Phase.handshake
    /// The handler has an authentication attempt to answer.
    var isDeciding = false
    var questions = Deque<Question>()
    var worker: Task<Void, Never>?
    /// Global requests that wait for the answer to the one before.
    var globalRequests = Deque<GlobalRequest>()
    var globalWorker: Task<Void, Never>?
    var globalRequestsReceived: UInt64 = 0
    var globalRequestsAnswered: UInt64 = 0
    /// Forwards whose far side is being connected.
    var dials: [UInt32: Task<Void, Never>] = [:]
    /// Channels of ours that the client has not answered for.
    var openWaiters: [UInt32: CheckedContinuation<Void, any Error>] = [:]
    var channels: [UInt32: OpenChannel] = [:]
    /// Channels whose owners are being told that they are closed.
    var closings: [UInt32: Task<Void, Never>] = [:]
    var lastChannelID: UInt64 = 0
    private(set) var clientVersion = ""
    var ending: ConnectionEnd?
    var finisher: Task<Void, Never>?
    var timers = Timers()

    enum Phase {
        case handshake
        case authentication(AuthenticationMachine)
        /// Authenticated; the connection protocol.
        case service
    }

    enum Question {
        case handshakeCompleted(HandshakeFacts)
        case authenticate(AuthenticationAttempt)
        case authenticated(String)
        case open(UInt32, ChannelOpening)
        case globalRequest(GlobalRequest)
        case unsupportedChannel(String)
        case malformedChannel(MalformedRequest)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe eventLoop.executor.asUnownedSerialExecutor()
    }

    init(
        socket: any Channel,
        remote: RemoteClient,
        settings: SSHServerSettings,
        factory: @escaping ServerHandlerFactory,
        onEnd: @escaping @Sendable (ServerConnection) -> Void
    ) {
        eventLoop = socket.eventLoop
        self.remote = remote
        self.settings = settings
        self.onEnd = onEnd
        io = ConnectionIO(
            socket: socket,
            transport: TransportMachine(role: .server, settings: settings.transport),
            connection: ConnectionMachine(role: .server, limits: settings.limits)
        )
        counter = io.traffic
        self.factory = factory
    }

    // MARK: - The socket

    func socketReady() {
        guard ending == nil else { return }
        handler = factory(remote, self, eventLoop)
        io.failed = { [weak self] error in
            self?.assumeIsolated { $0.fail(error) }
        }
        io.exchangeChanged = { [weak self] isExchanging in
            self?.assumeIsolated { $0.exchangeChanged(isExchanging) }
        }
        startLoginTimer()
        io.start()
    }

    func socketReceived(_ bytes: ByteBuffer) {
        guard ending == nil else { return }
        timers.heardFromClient = true
        io.received(bytes) { handle($0) }
    }

    func socketReceivedAll() {
        guard ending == nil else { return }
        // What is sent now, or as soon as an attempt is decided, acknowledges too.
        guard !io.receivedAll(), !isDeciding else { return }
        switch phase {
        case .handshake, .authentication: io.acknowledge()
        case .service: break
        }
    }

    func socketWritable() {
        io.pump()
    }

    func socketClosed(_ error: (any Error)?) {
        if let error {
            end(.lost(text: "\(error)"))
        } else {
            end(.byClient(nil, text: "connection closed"))
        }
    }

    // MARK: - The transport

    private func handle(_ event: TransportEvent) {
        switch event {
        case .established(let facts, let sessionID):
            clientVersion = facts.clientVersion
            phase = .authentication(
                AuthenticationMachine(sessionID: sessionID, settings: settings.authentication)
            )
            ask(.handshakeCompleted(facts))
        case .payload(let message):
            received(message)
        case .disconnected(let reason, let text):
            end(.byClient(reason, text: text))
        case .rekeyed:
            io.pump()
        case .versionReceived(let line):
            handler?.versionReceived(line)
        case .unimplemented, .extensionInfo, .ignored:
            break
        }
    }

    private func received(_ message: ByteBuffer) {
        let number = message.getInteger(at: message.readerIndex, as: UInt8.self) ?? 0
        switch (phase, number) {
        case (.authentication(var machine), ..<80):
            let actions = machine.received(message)
            phase = .authentication(machine)
            perform(actions)
        case (.service, 80...):
            handle(io.connection.received(message))
        case (.service, 50):
            // After success further requests are ignored without a word (RFC 4252 §5.1).
            break
        default:
            refuse(.protocolError, "Unexpected message \(number).")
        }
    }

    private func fail(_ error: TransportError) {
        refuse(error.reason, error.text)
    }
}

// MARK: - Authentication

extension ServerConnection {
    func perform(_ actions: [AuthenticationMachine.Action]) {
        for action in actions where ending == nil {
            switch action {
            case .send(let message):
                io.send(message)
            case .ask(let attempt):
                isDeciding = true
                ask(.authenticate(attempt))
            case .succeeded(let username):
                phase = .service
                io.transport.authenticationCompleted()
                startServiceTimers()
                announceHostKeys()
                ask(.authenticated(username))
            case .disconnect(let refusal):
                refuse(refusal.reason, refusal.text)
            }
        }
    }

    private func announceHostKeys() {
        let transport = io.transport
        let keys = HostKeyAnnouncement(
            settings.transport.hostKeys,
            sessionID: transport.sessionID ?? [],
            negotiated: transport.facts.flatMap { HostKeyAlgorithm(rawValue: $0.hostKeyAlgorithm) }
        )
        io.connection.announce(keys, to: transport.peerIdentification)
        io.pump()
    }

    func answered(_ verdict: AuthenticationVerdict) {
        isDeciding = false
        guard ending == nil, case .authentication(var machine) = phase else { return }
        let actions = machine.answered(verdict)
        phase = .authentication(machine)
        perform(actions)
    }
}

// MARK: - Ending

extension ServerConnection {
    /// Says why and ends.
    func refuse(_ reason: DisconnectReason, _ text: String) {
        guard ending == nil else { return }
        io.close(saying: ServerRefusal(reason: reason, text: text))
        end(.byServer(reason, text: text))
    }

    /// The first call decides how the connection ended.
    func end(_ how: ConnectionEnd) {
        guard ending == nil else { return }
        ending = how
        timers.cancel()
        questions.removeAll()
        globalRequests.removeAll()
        worker?.cancel()
        globalWorker?.cancel()
        for dial in dials.values { dial.cancel() }
        io.close(saying: nil)
        refuseOpenings()
        for number in Array(channels.keys) { closeChannel(number) }
        finisher = Task { await self.finish(how) }
    }

    private func finish(_ how: ConnectionEnd) async {
        await worker?.value
        await globalWorker?.value
        for dial in dials.values { await dial.value }
        for number in Array(channels.keys) { closeChannel(number) }
        for closing in closings.values { await closing.value }
        await handler?.disconnected(how)
        handler = nil
        onEnd(self)
    }
}

extension ServerConnection: ServerConnectionControl {
    nonisolated var traffic: ConnectionTraffic { counter.traffic }

    nonisolated func disconnect(_ refusal: ServerRefusal) {
        eventLoop.execute {
            self.assumeIsolated { $0.refuse(refusal.reason, refusal.text) }
        }
    }

    nonisolated func banner(_ text: String) {
        eventLoop.execute { self.assumeIsolated { $0.show(text) } }
    }

    nonisolated func notify(_ text: String) {
        eventLoop.execute { self.assumeIsolated { $0.tell(text) } }
    }

    private func show(_ text: String) {
        guard ending == nil, case .authentication(var machine) = phase else { return }
        let actions = machine.show(text)
        phase = .authentication(machine)
        perform(actions)
    }
}
