import DequeModule
package import NIOCore
import NIOPosix

/// A client's connection: enough of the protocol for tests, the load generator and benchmarks.
///
/// Runs on the connection's event loop. Close it with `close()`; the server ending it makes every
/// call throw `SSHClientError.closed`.
package actor SSHClient: SocketOwner {
    package nonisolated let eventLoop: any EventLoop
    let settings: SSHClientSettings
    let io: ConnectionIO
    private(set) var ending: ConnectionEnd?
    /// What the key exchange agreed on.
    package private(set) var handshake: HandshakeFacts?
    /// What the server showed before authentication (RFC 4252 §5.4).
    package private(set) var banners: [String] = []
    /// The algorithms the server verifies signatures of (RFC 8308 §3.1).
    package private(set) var serverSignatureAlgorithms: [String] = []
    /// How often new keys were agreed on after the first time.
    package private(set) var rekeyCount = 0
    private var sessionID: [UInt8] = []
    private var hasService = false
    /// The latest attempt was keyboard-interactive, which decides what message 60 means.
    private var isQuestioned = false
    private var handshakeWaiter: CheckedContinuation<Void, any Error>?
    private var messageWaiter: CheckedContinuation<ByteBuffer, any Error>?
    var openWaiters: [UInt32: CheckedContinuation<Void, any Error>] = [:]
    var globalWaiters = Deque<CheckedContinuation<GlobalReply, any Error>>()
    var sessions: [UInt32: SessionState] = [:]
    /// Channels of the server that nobody has asked for yet, and who asked before there was one.
    var arrivals = Deque<Arrival>()
    var arrivalWaiters = Deque<CheckedContinuation<Arrival, any Error>>()

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe eventLoop.executor.asUnownedSerialExecutor()
    }

    init(socket: any Channel, settings: SSHClientSettings) {
        eventLoop = socket.eventLoop
        self.settings = settings
        io = ConnectionIO(
            socket: socket,
            transport: TransportMachine(role: .client, settings: settings.transport),
            connection: ConnectionMachine(role: .client, limits: settings.limits)
        )
    }

    /// Connects and exchanges keys.
    ///
    /// - Throws: `SSHClientError.closed` when the server or the trust in its key ends it, NIO's
    ///   errors when there is no connection at all.
    package static func connect(
        host: String,
        port: Int,
        settings: SSHClientSettings,
        group: any EventLoopGroup
    ) async throws -> SSHClient {
        let client = try await ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(settings.connectTime))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: host, port: port) { socket in
                socket.eventLoop.makeCompletedFuture {
                    let client = SSHClient(socket: socket, settings: settings)
                    try socket.pipeline.syncOperations.addHandler(SocketHandler(client))
                    return client
                }
            }
        try await client.waitForHandshake()
        return client
    }

    private func waitForHandshake() async throws {
        guard handshake == nil else { return }
        try await wait { handshakeWaiter = $0 }
    }

    /// Waits for something that the server owes; it has `replyTime` for it.
    func wait<Value: Sendable>(
        _ register: (CheckedContinuation<Value, any Error>) -> Void
    ) async throws -> Value {
        if let ending { throw SSHClientError.closed(ending) }
        let timer = eventLoop.scheduleTask(in: TimeAmount(settings.replyTime)) {
            self.assumeIsolated { $0.end(.lost(text: "no answer in time")) }
        }
        defer { timer.cancel() }
        return try await withCheckedThrowingContinuation { register($0) }
    }

    // MARK: - The socket

    func socketReady() {
        io.failed = { [weak self] error in
            self?.assumeIsolated { $0.fail(error) }
        }
        io.start()
    }

    func socketReceived(_ bytes: ByteBuffer) {
        guard ending == nil else { return }
        io.received(bytes) { handle($0) }
    }

    func socketReceivedAll() {
        guard ending == nil else { return }
        io.receivedAll()
    }

    func socketWritable() {
        io.pump()
    }

    func socketClosed(_ error: (any Error)?) {
        end(.lost(text: error.map { "\($0)" } ?? "connection closed"))
    }

    // MARK: - The transport

    private func handle(_ event: TransportEvent) {
        switch event {
        case .established(let facts, let session):
            sessionID = session
            handshake = facts
            handshakeWaiter?.resume()
            handshakeWaiter = nil
        case .payload(let message):
            received(message)
        case .disconnected(let reason, let text):
            end(.byServer(reason, text: text))
        case .rekeyed:
            rekeyCount += 1
            io.pump()
        case .extensionInfo(let info):
            guard let entry = info.entries.first(where: { $0.name == "server-sig-algs" }) else {
                return
            }
            serverSignatureAlgorithms = String(decoding: entry.value, as: UTF8.self)
                .split(separator: ",").map(String.init)
        case .versionReceived, .unimplemented, .ignored:
            break
        }
    }

    private func received(_ message: ByteBuffer) {
        let number = message.getInteger(at: message.readerIndex, as: UInt8.self) ?? 0
        switch MessageNumber(rawValue: number) {
        case .userAuthBanner:
            var payload = message
            payload.moveReaderIndex(forwardBy: 1)
            if let text = try? payload.readSSHLossyText() { banners.append(text) }
        case .serviceAccept, .userAuthFailure, .userAuthSuccess, .userAuthMethod60:
            messageWaiter?.resume(returning: message)
            messageWaiter = nil
        default:
            handle(io.connection.received(message))
        }
    }

    func fail(_ error: TransportError) {
        let refusal = ServerRefusal(reason: error.reason, text: error.text)
        io.close(saying: refusal)
        end(.byClient(refusal.reason, text: refusal.text))
    }

    func end(_ how: ConnectionEnd) {
        guard ending == nil else { return }
        ending = how
        io.close(saying: nil)
        let error = SSHClientError.closed(how)
        handshakeWaiter?.resume(throwing: error)
        handshakeWaiter = nil
        messageWaiter?.resume(throwing: error)
        messageWaiter = nil
        for waiter in openWaiters.values { waiter.resume(throwing: error) }
        openWaiters = [:]
        for waiter in globalWaiters { waiter.resume(throwing: error) }
        globalWaiters = []
        for waiter in arrivalWaiters { waiter.resume(throwing: error) }
        arrivalWaiters = []
        arrivals = []
        for number in Array(sessions.keys) { sessionClosed(number) }
    }

    /// Says goodbye and closes.
    package func close() {
        guard ending == nil else { return }
        io.close(saying: ServerRefusal(reason: .byApplication, text: "bye"))
        end(.byClient(.byApplication, text: "bye"))
    }

    /// Closes without a word, as a client does that dies.
    package func abandon() {
        end(.byClient(nil, text: "abandoned"))
    }

    /// How the connection ended; `nil` while it is there.
    package var end: ConnectionEnd? { ending }
}

// MARK: - Authentication

extension SSHClient {
    /// Makes one attempt; the first one asks for the service.
    package func authenticate(
        _ username: String,
        _ credential: ClientCredential
    ) async throws -> ClientAuthenticationResult {
        if !hasService { try await requestService() }
        if case .keyboardInteractive = credential {
            isQuestioned = true
        } else {
            isQuestioned = false
        }
        return try await result(of: try request(username, credential))
    }

    /// Answers the questions of the latest `.challenged`, one answer for each prompt.
    package func answer(_ answers: [String]) async throws -> ClientAuthenticationResult {
        try await result(of: KeyboardChallenge.response(answers))
    }

    private func result(of request: ByteBuffer) async throws -> ClientAuthenticationResult {
        let message = try await ask(request)
        var reply = message
        guard let number = try? reply.readSSHByte() else { throw SSHClientError.serviceRefused }
        switch MessageNumber(rawValue: number) {
        case .userAuthSuccess:
            io.transport.authenticationCompleted()
            return .authenticated
        case .userAuthMethod60 where isQuestioned:
            return .challenged(try KeyboardChallenge(reading: message))
        case .userAuthMethod60:
            return .keyAcceptable
        default:
            let methods = try reply.readSSHNameList()
            return .refused(methods: methods, isPartial: try reply.readSSHBoolean())
        }
    }

    private func requestService() async throws {
        var request = ByteBuffer()
        request.writeSSHMessage(.serviceRequest)
        request.writeSSHString("ssh-userauth")
        let reply = try await ask(request)
        guard reply.readableBytesView.first == MessageNumber.serviceAccept.rawValue else {
            throw SSHClientError.serviceRefused
        }
        hasService = true
    }

    private func ask(_ message: ByteBuffer) async throws -> ByteBuffer {
        try await wait {
            messageWaiter = $0
            io.send(message)
        }
    }

    private func request(
        _ username: String,
        _ credential: ClientCredential
    ) throws -> ByteBuffer {
        var request = ByteBuffer()
        request.writeSSHMessage(.userAuthRequest)
        request.writeSSHString(username)
        request.writeSSHString("ssh-connection")
        switch credential {
        case .none:
            request.writeSSHString("none")
        case .password(let password):
            request.writeSSHString("password")
            request.writeSSHBoolean(false)
            request.writeSSHString(password)
        case .publicKeyProbe(let key, let algorithm):
            request.writePublicKey(key.blob, algorithm.rawValue, isSigned: false)
        case .publicKey(let key, let algorithm):
            request.writePublicKey(key.publicKey.blob, algorithm.rawValue, isSigned: true)
            try sign(&request) { try key.signature(over: $0, algorithm: algorithm) }
        case .rawKeyProbe(let algorithm, let blob):
            request.writePublicKey(blob, algorithm, isSigned: false)
        case .rawKey(let algorithm, let blob, let signature):
            request.writePublicKey(blob, algorithm, isSigned: true)
            try sign(&request, signature)
        case .keyboardInteractive(let devices):
            request.writeSSHString("keyboard-interactive")
            request.writeSSHString("")
            request.writeSSHString(devices)
        case .passwordChange(let old, let new):
            request.writeSSHString("password")
            request.writeSSHBoolean(true)
            request.writeSSHString(old)
            request.writeSSHString(new)
        }
        return request
    }

    private func sign(
        _ request: inout ByteBuffer,
        _ signature: ([UInt8]) throws -> [UInt8]
    ) throws {
        var data = ByteBuffer()
        data.writeSSHString(sessionID)
        data.writeImmutableBuffer(request)
        request.writeSSHString(try signature([UInt8](data.readableBytesView)))
    }
}

extension ByteBuffer {
    fileprivate mutating func writePublicKey(
        _ blob: [UInt8],
        _ algorithm: String,
        isSigned: Bool
    ) {
        writeSSHString("publickey")
        writeSSHBoolean(isSigned)
        writeSSHString(algorithm)
        writeSSHString(blob)
    }
}
