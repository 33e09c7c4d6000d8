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

    @Test("logins by Kerberos are recorded as tried, and with what became of them")
    func kerberos() async {
        for (verdict, outcome, reason) in [
            (AuthenticationVerdict.accepted, AuditEvent.Outcome.successful, ""),
            (.refused(methods: []), .failed, ""),
            (
                .disconnect(ServerRefusal(reason: .byApplication, text: "away")), .unavailable,
                "away"
            ),
        ] {
            let recorder = FakeRecorder()
            let layer = layer(recorder, next: VerdictHandler(last: verdict))
            await layer.handshakeCompleted(handshake)
            for method in [
                AuthenticationAttempt.Method.gssapi, .gssapiToken([1]),
                .gssapiProof(GSSAPIProof(signed: [1], mic: [2])),
            ] {
                _ = await layer.authenticate(.init(username: "dev", method: method))
            }
            #expect(
                Array(recorder.events.dropFirst()) == [
                    .kerberos(username: "dev", .attempt, reason: ""),
                    .kerberos(username: "dev", outcome, reason: reason),
                ]
            )
        }
    }

    @Test("how a recording is delivered can differ from person to person")
    func deliveryOfPerson() async throws {
        for (delivery, told) in [
            (AuditConfig.Delivery.besteffort, [RecordingDelivery.besteffort]), (.strict, []),
        ] {
            let recorder = FakeRecorder()
            let layer = layer(recorder)
            state.update {
                $0.userConfig = UserConfig()
                $0.userConfig?.audit.delivery = delivery
            }
            await layer.handshakeCompleted(handshake)
            try await layer.authenticated(as: "dev")
            #expect(recorder.told == told)
        }
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

    @Test("hidden input stays out of the recording, in its place, and before the channel's end")
    func hiddenInput() async throws {
        let recorder = FakeRecorder()
        let handler = OneSessionHandler()
        let layer = layer(recorder, next: handler) {
            $0.stdin = true
            $0.stdout = true
            $0.redactHiddenInput = true
        }
        await layer.handshakeCompleted(handshake)
        let client = FakeChannel()
        guard case .accepted(let session) = await layer.openSession(client) else {
            Issue.record("the session is refused")
            return
        }
        let channel = try #require(handler.channel)
        let watch = try #require(channel.inputWatch)
        watch.begin()
        for text in ["id\n", "pw\n", "lost"] {
            client.type(text)
            #expect(try await channel.read() == ByteBuffer(string: text))
        }
        try await watch.took(TypedInput(count: 3, isHidden: false))
        try await channel.write(ByteBuffer(string: "asks"), to: .stdout)
        try await watch.took(TypedInput(count: 3, isHidden: true))
        await session.closed()
        #expect(
            Array(recorder.events.suffix(5)) == [
                .io(.stdin, ByteBuffer(string: "id\n")), .io(.stdout, ByteBuffer(string: "asks")),
                .io(.stdin, ByteBuffer(string: "**\n")), .io(.stdin, ByteBuffer(string: "****")),
                .close,
            ]
        )
    }

    @Test("nobody watches the input unless it is recorded and its hidden parts are not")
    func unwatchedInput() async throws {
        for (stdin, redact) in [(true, false), (false, true)] {
            let handler = OneSessionHandler()
            let layer = layer(FakeRecorder(), next: handler) {
                $0.stdin = stdin
                $0.redactHiddenInput = redact
            }
            await layer.handshakeCompleted(handshake)
            _ = await layer.openSession(FakeChannel())
            #expect(try #require(handler.channel).inputWatch == nil)
        }
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

    @Test("a forward is recorded before it is decided, then its outcome, its bytes and its end")
    func forward() async throws {
        let recorder = FakeRecorder()
        let handler = ForwardingHandler()
        let layer = layer(recorder, next: handler) { $0.forwarding = true }
        await layer.handshakeCompleted(handshake)
        let client = FakeByteChannel()
        let origin = ForwardOrigin(host: "127.0.0.1", port: 5)
        let target = ForwardTarget.tcp(host: "inside", port: 80, originator: origin)
        _ = await layer.openForward(client, to: target)
        let channel = try #require(handler.channel)
        try client.fromClient.put(ByteBuffer(string: "in"))
        _ = try await channel.read()
        try await channel.write(ByteBuffer(string: "out"))
        await channel.close()
        await channel.close()
        #expect(
            Array(recorder.events.dropFirst()) == [
                .directTCP(
                    host: "inside",
                    port: 80,
                    originatorHost: "127.0.0.1",
                    originatorPort: 5
                ),
                .newChannelAccepted(type: "direct-tcpip"), .io(.stdout, ByteBuffer(string: "in")),
                .io(.stdin, ByteBuffer(string: "out")), .close,
            ]
        )
    }

    @Test("without interception a forward's bytes stay out, and a refusal is recorded")
    func refusedForward() async throws {
        let recorder = FakeRecorder()
        let layer = layer(recorder)
        await layer.handshakeCompleted(handshake)
        _ = await layer.openForward(FakeByteChannel(), to: .unixSocket(path: "/run/x"))
        #expect(
            Array(recorder.events.dropFirst()) == [
                .directSocket(path: "/run/x"),
                .newChannelRefused(
                    type: "direct-streamlocal@openssh.com",
                    reason: "no forwards"
                ),
            ]
        )
    }

    @Test("places to listen are recorded as asked for, malformed requests as they came")
    func listening() async {
        let recorder = FakeRecorder()
        let layer = layer(recorder)
        await layer.handshakeCompleted(handshake)
        _ = await layer.listen(.tcp(host: "localhost", port: 0))
        _ = await layer.cancelListen(.tcp(host: "localhost", port: 7))
        _ = await layer.listen(.unixSocket(path: "/run/x"))
        _ = await layer.cancelListen(.unixSocket(path: "/run/x"))
        let payload = ByteBuffer(bytes: [1, 2])
        await layer.malformed(
            MalformedRequest(kind: .globalRequest, type: "tcpip-forward", payload: payload)
        )
        await layer.malformed(
            MalformedRequest(kind: .channelOpen, type: "direct-tcpip", payload: payload)
        )
        #expect(
            Array(recorder.events.dropFirst()) == [
                .forwardTCP(bindHost: "localhost", bindPort: 0),
                .requestFailed(requestID: 0, reason: "no listening"),
                .cancelForwardTCP(bindHost: "localhost", bindPort: 7),
                .requestFailed(requestID: 1, reason: "nobody listens there"),
                .forwardSocket(path: "/run/x"),
                .requestFailed(requestID: 2, reason: "no listening"),
                .cancelForwardSocket(path: "/run/x"),
                .requestFailed(requestID: 3, reason: "nobody listens there"),
                .malformedGlobalRequest(
                    requestID: 4,
                    type: "tcpip-forward",
                    payload: [1, 2],
                    reason: "the payload does not parse"
                ),
                .newChannel(type: "direct-tcpip"),
                .newChannelRefused(type: "direct-tcpip", reason: "malformed channel open"),
            ]
        )
    }

    @Test("channels to the client are recorded once it has accepted them, bytes by direction")
    func serverOpened() async throws {
        let recorder = FakeRecorder()
        let giver = ChannelGiver()
        let slot = RecordingSlot()
        var options = AuditInterceptConfig()
        options.forwarding = true
        slot.fill(
            ConnectionRecorder(
                handle: recorder,
                intercept: options,
                tally: RecordingTally(AuditConfig(), onFull: {})
            )
        )
        let control = AuditControl(giver, slot: slot, logger: Logger(label: "test"))
        let origin = ForwardOrigin(host: "127.0.0.1", port: 5)
        let opening = ServerChannelOpening.forwardedTCP(host: "", port: 80, originator: origin)
        let channel = try await control.openChannel(opening)
        try await channel.write(ByteBuffer(string: "from inside"))
        let (_, client) = try await giver.next()
        try client.fromClient.put(ByteBuffer(string: "from the client"))
        _ = try await channel.read()
        await channel.close()
        #expect(
            recorder.events == [
                .forwardedTCP(host: "", port: 80, originatorHost: "127.0.0.1", originatorPort: 5),
                .newChannelAccepted(type: "forwarded-tcpip"),
                .io(.stdout, ByteBuffer(string: "from inside")),
                .io(.stdin, ByteBuffer(string: "from the client")), .close,
            ]
        )
        giver.refusal = ChannelOpenRefused(reason: 1, text: "no")
        await #expect(throws: ChannelOpenRefused.self) { _ = try await control.openChannel(.agent) }
        #expect(recorder.events.count == 5)
    }

    @Test("a channel to the client that cannot be recorded is not opened")
    func unrecordedChannel() async throws {
        let recorder = FakeRecorder()
        let giver = ChannelGiver()
        let slot = RecordingSlot()
        slot.fill(
            ConnectionRecorder(
                handle: recorder,
                intercept: AuditInterceptConfig(),
                tally: RecordingTally(AuditConfig(), onFull: {})
            )
        )
        recorder.fail()
        let control = AuditControl(giver, slot: slot, logger: Logger(label: "test"))
        await #expect(throws: ChannelClosed.self) { _ = try await control.openChannel(.agent) }
        #expect(try await giver.next().channel.timesClosed == 1)
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
