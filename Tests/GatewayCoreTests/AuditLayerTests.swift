import AuditClient
import Logging
import NIOCore
import NIOPosix
import SharedAudit
import SharedConfig
import SharedMessages
import SharedSSH
import Synchronization
import Testing

@testable import GatewayCore

@Suite("What is recorded")
struct AuditLayerTests {
    private let state = ConnectionState(
        connectionID: String(repeating: "a", count: 32),
        remoteAddress: RemoteAddress(host: "203.0.113.7", port: 41022),
        eventLoop: MultiThreadedEventLoopGroup.singleton.next()
    )
    private let control = FakeControl()
    private let handshake = HandshakeFacts(
        clientVersion: "SSH-2.0-test",
        keyExchange: "k",
        hostKeyAlgorithm: "h",
        inboundCipher: "c",
        outboundCipher: "c"
    )

    private func layer(
        _ recorder: FakeRecorder,
        next: any ServerConnectionHandler = OneSessionHandler(),
        _ change: (inout AuditInterceptConfig) -> Void = { _ in }
    ) -> AuditLayer {
        var options = AuditConfig()
        change(&options.intercept)
        return AuditLayer(
            state: state,
            recordings: recorder,
            options: options,
            control: control,
            logger: Logger(label: "test"),
            acceptedAt: 1,
            next: next
        )
    }

    @Test("a password stays out of the recording unless passwords are intercepted")
    func passwords() async {
        let attempt = AuthenticationAttempt(username: "dev", method: .password([115]))
        let silent = FakeRecorder()
        let layer = layer(silent)
        await layer.handshakeCompleted(handshake)
        _ = await layer.authenticate(attempt)
        #expect(
            silent.events == [
                .connect(remoteAddress: "203.0.113.7", country: "XX"),
                .passwordAttempt(username: "dev", password: nil),
                .passwordRefused(username: "dev", password: nil),
            ]
        )
        let open = FakeRecorder()
        let intercepting = self.layer(open) { $0.passwords = true }
        await intercepting.handshakeCompleted(handshake)
        _ = await intercepting.authenticate(attempt)
        #expect(open.events.contains(.passwordAttempt(username: "dev", password: [115])))
    }

    @Test("the chosen streams are recorded, each by its own switch")
    func streams() async throws {
        let recorder = FakeRecorder()
        let handler = OneSessionHandler()
        let layer = layer(recorder, next: handler) { $0.stderr = true }
        await layer.handshakeCompleted(handshake)
        _ = await layer.openSession(FakeChannel())
        let channel = try #require(handler.channel)
        try await channel.write(ByteBuffer(string: "out"), to: .stdout)
        try await channel.write(ByteBuffer(string: "err"), to: .stderr)
        await channel.sendEOF()
        await channel.sendExit(.status(3))
        #expect(
            Array(recorder.events.suffix(4)) == [
                .newChannelAccepted(type: "session"), .io(.stderr, ByteBuffer(string: "err")),
                .closeWrite, .exit(status: 3),
            ]
        )
    }

    @Test("a request is recorded before it is decided, and its refusal after")
    func refusedRequest() async throws {
        let recorder = FakeRecorder()
        let layer = layer(recorder)
        await layer.handshakeCompleted(handshake)
        guard case .accepted(let session) = await layer.openSession(FakeChannel()) else {
            Issue.record("the session is refused")
            return
        }
        #expect(await session.handle(.exec(command: "id")) == false)
        await session.closed()
        #expect(
            Array(recorder.events.suffix(3)) == [
                .exec(requestID: 0, program: "id"),
                .requestFailed(requestID: 0, reason: "request refused"), .close,
            ]
        )
    }

    @Test("without a recording nobody gets in, and the person is told")
    func noRecording() async {
        let layer = layer(FakeRecorder(openingFails: true))
        await layer.handshakeCompleted(handshake)
        let attempt = AuthenticationAttempt(username: "dev", method: .password([1]))
        guard case .disconnect(let refusal) = await layer.authenticate(attempt) else {
            Issue.record("authentication went on")
            return
        }
        #expect(refusal.text.contains("[GATEWAY_RECORDING_REFUSED]"))
        #expect(control.refusals.count == 1)
    }

    @Test("a recording that fails ends the connection, and its bytes go nowhere")
    func lostRecording() async throws {
        let recorder = FakeRecorder()
        let handler = OneSessionHandler()
        let layer = layer(recorder, next: handler) { $0.stdout = true }
        await layer.handshakeCompleted(handshake)
        let client = FakeChannel()
        _ = await layer.openSession(client)
        let channel = try #require(handler.channel)
        recorder.fail()
        await #expect(throws: ChannelClosed.self) {
            try await channel.write(ByteBuffer(string: "secret"), to: .stdout)
        }
        #expect(client.sent.isEmpty)
        #expect(control.refusals.first?.text.contains("[GATEWAY_RECORDING_LOST]") == true)
    }

    @Test("a connection that never authenticates is recorded with its reason, and completed")
    func failedHandshake() async {
        let recorder = FakeRecorder()
        await layer(recorder).disconnected(.lost(text: "reset"))
        #expect(
            recorder.events == [
                .connect(remoteAddress: "203.0.113.7", country: "XX"),
                .handshakeFailed(reason: "connection lost (reset)"),
            ]
        )
        #expect(recorder.isFinished)
    }
}

/// Keeps what would go to auditd.
final class FakeRecorder: Recorder, RecordingHandle {
    private let openingFails: Bool
    private let state = Mutex((events: [AuditEvent](), isFinished: false, isFailing: false))

    init(openingFails: Bool = false) { self.openingFails = openingFails }

    let id = String(repeating: "a", count: 32)
    var events: [AuditEvent] { state.withLock { $0.events } }
    var isFinished: Bool { state.withLock { $0.isFinished } }

    func fail() { state.withLock { $0.isFailing = true } }

    func openRecording(
        id: String,
        facts: RecordingFacts,
        onFailure: @escaping @Sendable (CodedError) -> Void
    ) async throws -> any RecordingHandle {
        guard !openingFails else { throw CodedError(.httpClientConnectionFailed) }
        return self
    }

    func append(_ event: AuditEvent, channel: UInt64?) async throws {
        try state.withLock {
            guard !$0.isFailing else { throw CodedError(.httpClientConnectionFailed) }
            $0.events.append(event)
        }
    }

    func identify(username: String) {}
    func finish() async throws { state.withLock { $0.isFinished = true } }
}

final class FakeControl: ServerConnectionControl {
    var traffic: ConnectionTraffic { ConnectionTraffic(received: 11, sent: 22) }

    private let state = Mutex<[ServerRefusal]>([])
    var refusals: [ServerRefusal] { state.withLock { $0 } }

    func disconnect(_ refusal: ServerRefusal) { state.withLock { $0.append(refusal) } }
    func banner(_ text: String) {}

    func openChannel(_ opening: ServerChannelOpening) async throws -> any ByteChannel {
        throw ChannelOpenRefused(reason: 1, text: "no channels")
    }
    func notify(_ text: String) {}
}

/// Opens sessions that refuse every request, and keeps the channel for the test.
final class OneSessionHandler: ServerConnectionHandler {
    private let state = Mutex<(any SessionChannel)?>(nil)
    var channel: (any SessionChannel)? { state.withLock { $0 } }

    func handshakeCompleted(_ handshake: HandshakeFacts) async {}

    func authenticate(_ attempt: AuthenticationAttempt) async -> AuthenticationVerdict {
        .refused(methods: [])
    }

    func authenticated(as username: String) async throws {}

    func openSession(
        _ channel: any SessionChannel
    ) async -> ChannelDecision<any SessionHandler> {
        state.withLock { $0 = channel }
        return .accepted(RefusingSession())
    }

    func globalRequest(_ request: GlobalRequest) async -> GlobalReply { .failure }
    func unsupportedChannel(type: String) async {}
    func disconnected(_ end: ConnectionEnd) async {}
}

struct RefusingSession: SessionHandler {
    func handle(_ request: SessionRequest) async -> Bool { false }
    func closed() async {}
}
