import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization
import Testing

@testable import GatewayCore

@Suite("The layer that holds requests against the policy")
struct PolicyLayerTests {
    private let log = InMemoryLogHandler()
    private let next = ObligingHandler()
    private let channel = FakeChannel()
    private let forwards = ForwardLimit()

    private func layer(
        credential: CredentialLimits? = nil,
        _ change: (inout SecurityConfig) -> Void
    ) async throws -> PolicyLayer {
        let state = ConnectionState(
            connectionID: String(repeating: "a", count: 32),
            remoteAddress: RemoteAddress(host: "203.0.113.7", port: 41022),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next()
        )
        state.update { $0.credentialLimits = credential }
        var config = UserConfig()
        change(&config.security)
        let log = log
        let layer = PolicyLayer(
            state: state,
            source: FixedConfiguration(config: config),
            forwards: forwards,
            logger: Logger(label: "test") { _ in log },
            next: next
        )
        try await layer.authenticated(as: "dev")
        return layer
    }

    private func session(_ layer: PolicyLayer) async throws -> any SessionHandler {
        guard case .accepted(let session) = await layer.openSession(channel) else {
            throw CodedError(.securityMaxSessions)
        }
        return session
    }

    private var codes: [String] {
        log.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
    }

    // MARK: - Sessions

    @Test(
        "a program that is not allowed is refused, and the person is told on the error stream",
        arguments: [
            (SessionRequest.exec(command: "id"), MessageCode.securityExecRejected),
            (.shell, .securityShellRejected),
            (.subsystem(name: "sftp"), .securitySubsystemRejected),
        ]
    )
    func refusedProgram(_ request: SessionRequest, _ code: MessageCode) async throws {
        let session = try await session(layer { $0.defaultMode = .disable })
        #expect(await session.handle(request) == false)
        #expect(codes == [code.id])
        #expect(channel.sent == [.data(.stderr, personText(code, nil) + "\n")])
        #expect(next.requests.isEmpty)
    }

    @Test("with a terminal the person is told on it")
    func refusedOnTerminal() async throws {
        let session = try await session(layer { $0.shell.mode = .disable })
        let pty = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
        #expect(await session.handle(.pty(pty)))
        #expect(await session.handle(.shell) == false)
        let text = personText(.securityShellRejected, nil)
        #expect(channel.sent == [.data(.stdout, text + "\r\n")])
    }

    @Test(
        "what a program can go on without is refused in silence",
        arguments: [
            (SessionRequest.environment(name: "LANG", value: "C"), MessageCode.securityEnvRejected),
            (.signal(name: "TERM"), .securitySignalRejected),
            (.agentForwarding, .securityAgentForwardingRejected),
            (
                .x11(
                    X11Request(isSingleConnection: false, protocolName: "p", cookie: "0", screen: 0)
                ), .securityX11ForwardingRejected
            ),
            (
                .pty(PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))),
                .securityTtyRejected
            ),
        ]
    )
    func refusedInSilence(_ request: SessionRequest, _ code: MessageCode) async throws {
        let session = try await session(layer { $0.defaultMode = .disable })
        #expect(await session.handle(request) == false)
        #expect(codes == [code.id])
        #expect(channel.sent.isEmpty)
    }

    @Test("a forced command runs in the place of any program, and is told of the original one")
    func forced() async throws {
        let layer = try await layer { $0.forceCommand = "/bin/menu" }
        for (request, original) in [
            (SessionRequest.exec(command: "id -u"), "id -u"), (.subsystem(name: "sftp"), "sftp"),
        ] {
            next.forget()
            let session = try await session(layer)
            #expect(await session.handle(request))
            #expect(
                next.requests == [
                    .environment(name: "SSH_ORIGINAL_COMMAND", value: RawText(original)),
                    .exec(command: "/bin/menu"),
                ]
            )
        }
        next.forget()
        #expect(try await session(layer).handle(.shell))
        #expect(next.requests == [.exec(command: "/bin/menu")])
        #expect(codes.allSatisfy { $0 == MessageCode.securityExecForcingCommand.id })
    }

    @Test("a forced command gets its original from nobody but the server")
    func forgedOriginal() async throws {
        let forged = SessionRequest.environment(name: "SSH_ORIGINAL_COMMAND", value: "rm -rf /")
        let session = try await session(layer { $0.forceCommand = "/bin/menu" })
        #expect(await session.handle(forged) == false)
        #expect(codes == [MessageCode.securityEnvRejected.id])
        let free = try await self.session(layer { _ in })
        #expect(await free.handle(forged))
    }

    @Test("a program whose original command the backend does not take is refused with a word")
    func setenvFails() async throws {
        next.refuses = { if case .environment = $0 { true } else { false } }
        let session = try await session(layer { $0.forceCommand = "/bin/menu" })
        #expect(await session.handle(.exec(command: "id")) == false)
        #expect(codes.last == MessageCode.securityExecFailedSetenv.id)
        let text = personText(.securityExecFailedSetenv, nil)
        #expect(channel.sent == [.data(.stderr, text + "\n")])
    }

    @Test("a mode is asked about what the client wanted, not about the forced command")
    func forcedIsNoWayIn() async throws {
        let session = try await session(
            layer {
                $0.forceCommand = "/bin/menu"
                $0.command.mode = .filter
                $0.command.allow = ["/bin/menu"]
            }
        )
        #expect(await session.handle(.exec(command: "id")) == false)
        #expect(await session.handle(.exec(command: "/bin/menu")))
    }

    @Test("what a certificate does not permit is refused, its command is forced")
    func certificate() async throws {
        let limits = CredentialLimits(forcedCommand: "backup")
        let layer = try await layer(credential: limits) {
            $0.forwarding.forwardingMode = .enable
            $0.forwarding.reverseForwardingMode = .enable
            $0.forwarding.agentForwardingMode = .enable
            $0.forwarding.x11ForwardingMode = .enable
        }
        let session = try await session(layer)
        let pty = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
        #expect(await session.handle(.pty(pty)) == false)
        #expect(await session.handle(.agentForwarding) == false)
        #expect(await session.handle(.exec(command: "id")))
        #expect(next.requests.last == .exec(command: "backup"))
        #expect(await opens(layer, "example.org", 80) == .administrativelyProhibited)
        #expect(await listens(layer, "localhost", 8080) == false)
    }

    @Test("sessions beyond the limit are refused, and a closed one makes room")
    func maximumSessions() async throws {
        let layer = try await layer { $0.maxSessions = 2 }
        let first = try await session(layer)
        _ = try await session(layer)
        guard case .refused(let reason, let text) = await layer.openSession(channel) else {
            Issue.record("a third session is accepted")
            return
        }
        #expect(reason == .resourceShortage)
        #expect(text == personText(.securityMaxSessions, nil))
        #expect(codes.contains(MessageCode.securityMaxSessions.id))
        await first.closed()
        _ = try await session(layer)
    }

    // MARK: - Forwarding

    private func opens(
        _ layer: PolicyLayer,
        _ host: String,
        _ port: UInt32
    ) async -> ChannelOpenFailureReason? {
        let origin = ForwardOrigin(host: "127.0.0.1", port: 1)
        let target = ForwardTarget.tcp(host: host, port: port, originator: origin)
        guard case .refused(let reason, _) = await layer.openForward(channel, to: target) else {
            return nil
        }
        return reason
    }

    private func listens(_ layer: PolicyLayer, _ host: String, _ port: UInt32) async -> Bool {
        if case .listening = await layer.listen(.tcp(host: host, port: port)) {
            true
        } else {
            false
        }
    }

    @Test("forwarded connections obey the mode and the rules, and each refusal has its code")
    func forwards() async throws {
        let layer = try await layer {
            $0.forwarding.forwardingMode = .filter
            $0.forwarding.destinations.allow = [EndpointRule("*.internal:443")].compactMap(\.self)
        }
        #expect(await opens(layer, "db.internal", 443) == nil)
        #expect(await opens(layer, "db.internal", 80) == .administrativelyProhibited)
        #expect(codes.contains(MessageCode.securityForwardingRejected.id))
        #expect(await opens(layer, "db.internal", 70_000) == .administrativelyProhibited)
        #expect(await opens(layer, "169.254.169.254", 443) == .administrativelyProhibited)
        #expect(codes.contains(MessageCode.securityForwardAddressDenied.id))
    }

    @Test("forwarded connections beyond the limit are refused, and a closed one makes room")
    func maximumForwards() async throws {
        let layer = try await layer {
            $0.forwarding.forwardingMode = .enable
            $0.forwarding.maxConnections = 1
        }
        let origin = ForwardOrigin(host: "127.0.0.1", port: 1)
        let target = ForwardTarget.tcp(host: "example.org", port: 80, originator: origin)
        guard case .accepted(let forward) = await layer.openForward(channel, to: target) else {
            Issue.record("the first is refused")
            return
        }
        #expect(await opens(layer, "example.org", 80) == .resourceShortage)
        #expect(codes.contains(MessageCode.securityMaxForwards.id))
        await forward.closed()
        #expect(await opens(layer, "example.org", 80) == nil)
    }

    @Test("channels to the client count too, and a closed one makes room")
    func maximumForwardsBack() async throws {
        forwards.allow(1)
        let full = Mutex(0)
        let control = LimitedControl(next: OpeningControl(channel), limit: forwards) {
            full.withLock { $0 += 1 }
        }
        let first = try await control.openChannel(.agent)
        let refused = await #expect(throws: ChannelOpenRefused.self) {
            _ = try await control.openChannel(.agent)
        }
        #expect(refused?.reason == ChannelOpenFailureReason.resourceShortage.rawValue)
        #expect(full.withLock { $0 } == 1)
        await first.close()
        await first.close()
        _ = try await control.openChannel(.agent)
        // Nobody keeps that one: it has given its place back.
        let third = try await control.openChannel(.agent)
        await #expect(throws: ChannelOpenRefused.self) { _ = try await control.openChannel(.agent) }
        await third.close()
    }

    @Test("paths of sockets obey the mode and the lists, as they are written")
    func sockets() async throws {
        let layer = try await layer {
            $0.forwarding.socketForwardingMode = .filter
            $0.forwarding.sockets.allow = ["glob:/run/user/*"]
        }
        func opens(_ path: String) async -> Bool {
            let target = ForwardTarget.unixSocket(path: path)
            if case .accepted = await layer.openForward(channel, to: target) { return true }
            return false
        }
        #expect(await opens("/run/user/bus"))
        #expect(await opens("/run/docker.sock") == false)
        #expect(await opens("/run/user/../docker.sock") == false)
        #expect(await opens("/run/user//bus") == false)
        #expect(await opens("run/user/bus") == false)
    }

    @Test("places to listen obey the mode and the rules")
    func listeners() async throws {
        let layer = try await layer {
            $0.forwarding.reverseForwardingMode = .filter
            $0.forwarding.listeners.allow = ["localhost:1024-65535", "10.0.0.0/8:8080"]
                .compactMap { EndpointRule($0) }
            $0.forwarding.listeners.deny = ["*:3306", "*:4000"].compactMap { EndpointRule($0) }
        }
        #expect(await listens(layer, "localhost", 8080))
        #expect(await listens(layer, "10.1.1.1", 8080))
        #expect(await listens(layer, "localhost", 0))
        for (host, port) in [
            ("localhost", 80), ("localhost", 3306), ("", 8080), ("0.0.0.0", 8080),
            ("10.1.1.1", 8081), ("10.1.1.1", 0), ("localhost", 70_000),
        ] as [(String, UInt32)] {
            #expect(await listens(layer, host, port) == false, "\(host):\(port)")
        }
        #expect(codes.contains(MessageCode.securityReverseForwardingRejected.id))
        let socket = await layer.listen(.unixSocket(path: "/tmp/s"))
        #expect(socket == .refused(text: personText(.securityReverseForwardingRejected, nil)))
    }

    @Test("a port that the system chose and the rules deny is given up again")
    func deniedChoice() async throws {
        next.chosenPort = 4000
        let layer = try await layer {
            $0.forwarding.reverseForwardingMode = .enable
            $0.forwarding.listeners.deny = ["*:4000"].compactMap { EndpointRule($0) }
            $0.forwarding.maxListeners = 1
        }
        #expect(await listens(layer, "localhost", 0) == false)
        #expect(next.cancelled == [.tcp(host: "localhost", port: 4000)])
        next.chosenPort = 4001
        #expect(await listens(layer, "localhost", 0))
    }

    @Test("places to listen beyond the limit are refused, and a cancelled one makes room")
    func maximumListeners() async throws {
        let layer = try await layer {
            $0.forwarding.reverseForwardingMode = .enable
            $0.forwarding.maxListeners = 1
        }
        #expect(await listens(layer, "localhost", 8080))
        #expect(await listens(layer, "localhost", 8081) == false)
        #expect(codes.contains(MessageCode.securityMaxListeners.id))
        #expect(await layer.cancelListen(.tcp(host: "localhost", port: 8080)))
        #expect(await listens(layer, "localhost", 8081))
    }

    @Test("before anybody has said what the person gets, nothing is opened")
    func tooEarly() async throws {
        let layer = PolicyLayer(
            state: ConnectionState(
                connectionID: "",
                remoteAddress: RemoteAddress(host: "203.0.113.7", port: 1),
                eventLoop: MultiThreadedEventLoopGroup.singleton.next()
            ),
            source: FixedConfiguration(config: UserConfig()),
            forwards: forwards,
            logger: Logger(label: "test"),
            next: next
        )
        #expect(await opens(layer, "example.org", 80) == .administrativelyProhibited)
        #expect(await listens(layer, "localhost", 1) == false)
        await #expect(throws: CodedError.self) { try await session(layer) }
    }
}

/// Opens every channel.
private struct OpeningControl: ServerConnectionControl {
    let channel: any ByteChannel
    var traffic: ConnectionTraffic { ConnectionTraffic() }

    init(_ channel: any ByteChannel) { self.channel = channel }

    func disconnect(_ refusal: ServerRefusal) {}
    func banner(_ text: String) {}
    func notify(_ text: String) {}
    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel { channel }
}

private struct FixedConfiguration: UserConfigurationSource {
    let config: UserConfig

    func configuration(
        for head: AuthRequestHead,
        authenticatedUsername: String,
        country: String
    ) async throws -> UserConfigurationAnswer {
        UserConfigurationAnswer(config: config)
    }
}

/// Accepts everything, unless told otherwise, and remembers it.
private final class ObligingHandler: ServerConnectionHandler {
    private struct State {
        var requests: [SessionRequest] = []
        var cancelled: [ForwardAddress] = []
        var refuses: @Sendable (SessionRequest) -> Bool = { _ in false }
        var chosenPort: UInt32 = 50_000
    }

    private let state = Mutex(State())
    var requests: [SessionRequest] { state.withLock { $0.requests } }
    var cancelled: [ForwardAddress] { state.withLock { $0.cancelled } }
    var refuses: @Sendable (SessionRequest) -> Bool {
        get { state.withLock { $0.refuses } }
        set { state.withLock { $0.refuses = newValue } }
    }
    var chosenPort: UInt32 {
        get { state.withLock { $0.chosenPort } }
        set { state.withLock { $0.chosenPort = newValue } }
    }

    func forget() { state.withLock { $0.requests = [] } }

    func take(_ request: SessionRequest) -> Bool {
        state.withLock {
            $0.requests.append(request)
            return !$0.refuses(request)
        }
    }

    func handshakeCompleted(_ handshake: HandshakeFacts) async {}
    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        .refused(methods: [])
    }
    func authenticated(as username: String) async throws {}

    func openSession(_ channel: any SessionChannel) async -> ChannelDecision<any SessionHandler> {
        .accepted(Session(owner: self))
    }

    func openForward(
        _ channel: any ByteChannel,
        to target: ForwardTarget
    ) async -> ChannelDecision<any ForwardHandler> {
        .accepted(Forward())
    }

    func listen(_ address: ForwardAddress) async -> ListenReply {
        switch address {
        case .tcp(_, 0): .listening(port: chosenPort)
        case .tcp(_, let port): .listening(port: port)
        case .unixSocket: .listening(port: nil)
        }
    }

    func cancelListen(_ address: ForwardAddress) async -> Bool {
        state.withLock { $0.cancelled.append(address) }
        return true
    }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply { .failure }
    func unsupportedChannel(type: String) async {}
    func disconnected(_ end: ConnectionEnd) async {}

    private struct Session: SessionHandler {
        let owner: ObligingHandler
        func handle(_ request: SessionRequest) async -> Bool { owner.take(request) }
        func closed() async {}
    }

    private struct Forward: ForwardHandler {
        func run() async {}
        func closed() async {}
    }
}
