import NIOCore
import SSHTestServer
import SharedSSH
import Testing

/// Listening, and the channels that a server opens to its client.
@Suite("Channels that the server opens")
struct ServerOpenedTests {
    private static func run(
        limits: ConnectionLimits = ConnectionLimits(),
        refusal: @escaping @Sendable (ServerChannelOpening) -> ChannelOpenRefused? = { _ in nil },
        _ body: (TestServer, SSHClient, any ServerConnectionControl) async throws -> Void
    ) async throws {
        let control = Held<any ServerConnectionControl>()
        var behaviour = TestBehaviour()
        behaviour.connected = { control.value = $0 }
        behaviour.openForward = { channel, _ in .accepted(EchoForward(channel)) }
        var settings = try TestServer.settings()
        settings.limits = limits
        try await TestServer.run(settings, behaviour) { server in
            var own = server.clientSettings
            own.refusal = refusal
            let client = try await EngineTests.logIn(server, own)
            try await server.journal.wait(for: .authenticated("ann"))
            try await body(server, client, try #require(control.value))
            await client.close()
        }
    }

    static let openings: [ServerChannelOpening] = [
        .forwardedTCP(
            host: "localhost",
            port: 8080,
            originator: ForwardOrigin(host: "127.0.0.1", port: 9)
        ),
        .forwardedUnixSocket(path: "/run/x"),
        .x11(originator: ForwardOrigin(host: "127.0.0.1", port: 6010)), .agent,
    ]

    @Test(
        "a channel of the server carries bytes both ways, each end for itself",
        arguments: openings
    )
    func carries(opening: ServerChannelOpening) async throws {
        try await Self.run { _, client, control in
            async let opened = control.openChannel(opening)
            let arrival = try await client.nextChannel()
            #expect(arrival.opening == opening)
            let channel = try await opened
            try await channel.write(ByteBuffer(string: "question"))
            await channel.sendEOF()
            let question = try await arrival.channel.collect()
            #expect(String(buffer: question.stdout) == "question")
            // The server's direction is over, the client's is not.
            try await arrival.channel.write(ByteBuffer(string: "answer"))
            await arrival.channel.sendEOF()
            let answer = try #require(try await channel.read())
            #expect(String(buffer: answer) == "answer")
            #expect(try await channel.read() == nil)
            await channel.close()
            #expect(await arrival.channel.exit() == nil)
        }
    }

    @Test("the client's refusal comes with its reason and text")
    func refused() async throws {
        let refusal = ChannelOpenRefused(reason: 2, text: "connection refused")
        try await Self.run(refusal: { _ in refusal }) { _, _, control in
            await #expect(throws: refusal) { _ = try await control.openChannel(.agent) }
        }
    }

    @Test("channels of both sides count against one limit")
    func limit() async throws {
        try await Self.run(limits: ConnectionLimits(channels: 2)) { _, client, control in
            let session = try await client.openSession()
            async let opened = control.openChannel(.agent)
            let arrival = try await client.nextChannel()
            _ = try await opened
            await #expect(
                throws: ChannelOpenRefused(reason: 4, text: "Too many channels are open.")
            ) {
                _ = try await control.openChannel(.agent)
            }
            await #expect(
                throws: SSHClientError.channelRefused(
                    reason: 4,
                    text: "Too many channels are open."
                )
            ) {
                _ = try await client.openSession()
            }
            await arrival.channel.close()
            await session.close()
        }
    }

    @Test("an opening that nobody waits for any more is closed when the client accepts it")
    func cancelled() async throws {
        try await Self.run { server, client, control in
            await client.stopReading()
            let opening = Task { try await control.openChannel(.agent) }
            opening.cancel()
            await #expect(throws: CancellationError.self) { _ = try await opening.value }
        }
    }

    @Test("an opening that the client leaves unanswered ends with the connection")
    func disconnected() async throws {
        try await Self.run { server, client, control in
            await client.stopReading()
            let opening = Task { try await control.openChannel(.agent) }
            await client.abandon()
            await #expect(throws: ChannelClosed.self) { _ = try await opening.value }
            await #expect(throws: ChannelClosed.self) {
                _ = try await control.openChannel(.agent)
            }
        }
    }

    @Test("an opening before the login is over is refused")
    func beforeLogin() async throws {
        let control = Held<any ServerConnectionControl>()
        var behaviour = TestBehaviour()
        behaviour.connected = { control.value = $0 }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await server.connect()
            let control = try #require(control.value)
            await #expect(throws: ChannelClosed.self) {
                _ = try await control.openChannel(.agent)
            }
            await client.close()
        }
    }

    // MARK: - Listening

    @Test("port 0 is answered with the port, another with nothing, a refusal with failure")
    func replies() async throws {
        var behaviour = TestBehaviour()
        behaviour.listen = { address in
            switch address {
            case .tcp(_, port: 1): .refused(text: "no")
            case .tcp(_, let port): .listening(port: port == 0 ? 4711 : port)
            case .unixSocket: .listening(port: nil)
            }
        }
        behaviour.cancelListen = { $0 == .tcp(host: "", port: 4711) }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            #expect(try await client.listen(.tcp(host: "", port: 0)) == 4711)
            let fixed = ListenRequest.begin(.tcp(host: "", port: 80)).wire
            #expect(
                try await client.globalRequest(fixed.type, fixed.payload) == .success(ByteBuffer())
            )
            #expect(try await client.listen(.tcp(host: "", port: 1)) == nil)
            #expect(try await client.listen(.unixSocket(path: "/x")) == 0)
            #expect(try await client.cancelListen(.tcp(host: "", port: 4711)))
            #expect(try await !client.cancelListen(.tcp(host: "", port: 80)))
            await client.close()
        }
    }

    @Test(
        "a malformed request to listen fails and is told",
        arguments: [
            "tcpip-forward", "cancel-tcpip-forward", "streamlocal-forward@openssh.com",
            "cancel-streamlocal-forward@openssh.com",
        ]
    )
    func malformed(type: String) async throws {
        try await TestServer.run { server in
            let client = try await EngineTests.logIn(server)
            let payload = ByteBuffer(bytes: [0, 0, 0, 200])
            #expect(try await client.globalRequest(type, payload) == .failure)
            let told = MalformedRequest(kind: .globalRequest, type: type, payload: payload)
            try await server.journal.wait(for: .malformed(told))
            await client.close()
        }
    }

    // MARK: - End of write

    @Test(
        "that nobody reads its input is told to OpenSSH's client and to no other",
        arguments: [
            ("SSH-2.0-OpenSSH_9.9", true), ("SSH-2.0-BerthTest", false),
        ]
    )
    func endOfWrite(version: String, isTold: Bool) async throws {
        try await TestServer.run { server in
            var settings = server.clientSettings
            settings.transport.identification = version
            let client = try await EngineTests.logIn(server, settings)
            let session = try await client.openSession()
            try await session.request(.exec(command: "deaf"))
            #expect(await session.exit() == .status(0))
            #expect(await session.wasToldEndOfWrite() == isTold)
            await client.close()
        }
    }
}
