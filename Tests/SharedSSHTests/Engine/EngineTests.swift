import NIOCore
import SSHTestServer
import SharedSSH
import Testing

/// Our server and our client, over a real socket.
@Suite("The engine, end to end with our own client")
struct EngineTests {
    static func logIn(
        _ server: TestServer,
        _ settings: SSHClientSettings? = nil
    ) async throws -> SSHClient {
        let client = try await server.connect(settings)
        let result = try await client.authenticate("ann", .password("good"))
        #expect(result == .authenticated)
        return client
    }

    // MARK: - Sessions

    @Test(
        "what cat reads comes back, whatever the sizes",
        arguments: [1, 10, 3000, 40_000, 300_000]
    )
    func echo(size: Int) async throws {
        try await TestServer.run { server in
            for _ in 0..<10 {
                let client = try await Self.logIn(server)
                let session = try await client.openSession()
                #expect(try await session.request(.exec(command: "cat")))
                let sent = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
                async let output = session.collect()
                try await session.write(sent)
                await session.sendEOF()
                #expect(try await output.stdout == sent)
                #expect(await session.exit() == .status(0))
                await client.close()
            }
        }
    }

    @Test("both streams, the status and the signal arrive")
    func ends() async throws {
        try await TestServer.run { server in
            let client = try await Self.logIn(server)
            let both = try await client.openSession()
            try await both.request(.exec(command: "both"))
            let output = try await both.collect()
            #expect(String(buffer: output.stdout) == "to stdout\n")
            #expect(String(buffer: output.stderr) == "to stderr\n")
            #expect(await both.exit() == .status(3))
            let killed = try await client.openSession()
            try await killed.request(.exec(command: "signal"))
            #expect(
                await killed.exit() == .signal(name: "TERM", coreDumped: false, message: "ended")
            )
            await client.close()
        }
    }

    @Test("requests reach the handler as they were sent, in order")
    func requests() async throws {
        let requests: [SessionRequest] = [
            .environment(name: "A", value: "1"),
            .pty(PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24), modes: [0])),
            .subsystem(name: "sftp"), .exec(command: "cat"),
            .windowChange(WindowSize(columns: 1, rows: 2)), .signal(name: "INT"),
            .unsupported(type: "nonsense@example.org", payload: ByteBuffer()),
        ]
        try await TestServer.run { server in
            let client = try await Self.logIn(server)
            let session = try await client.openSession()
            var answers: [Bool] = []
            for request in requests { answers.append(try await session.request(request)) }
            #expect(answers == [true, true, false, true, true, true, false])
            let seen = server.journal.entries.compactMap { entry -> SessionRequest? in
                guard case .request(_, let request) = entry else { return nil }
                return request
            }
            #expect(seen == requests)
            await client.close()
        }
    }

    @Test("a peer that allows one byte per packet and two in the window gets everything")
    func tinyWindow() async throws {
        try await TestServer.run { server in
            var settings = server.clientSettings
            settings.limits = ConnectionLimits(window: 2, maximumPacket: 1)
            let client = try await Self.logIn(server, settings)
            let session = try await client.openSession()
            try await session.request(.exec(command: "zeros 300"))
            #expect(try await session.collect().stdout.readableBytes == 300)
            await client.close()
        }
    }

    @Test("new keys during a transfer change nothing in it")
    func rekey() async throws {
        try await TestServer.run { server in
            let client = try await Self.logIn(server)
            let session = try await client.openSession()
            try await session.request(.exec(command: "zeros 20000000"))
            var count = 0
            while let output = try await session.read() {
                if count / 1_000_000 != (count + output.bytes.readableBytes) / 1_000_000 {
                    await client.requestRekey()
                }
                count += output.bytes.readableBytes
            }
            #expect(count == 20_000_000)
            #expect(await client.rekeyCount > 0)
            await client.close()
        }
    }

    @Test("the server exchanges keys by time")
    func rekeyByTime() async throws {
        var settings = try TestServer.settings()
        settings.rekeyInterval = .milliseconds(20)
        try await TestServer.run(settings) { server in
            let client = try await Self.logIn(server)
            let deadline = ContinuousClock.now + .seconds(90)
            while await client.rekeyCount < 3, ContinuousClock.now < deadline {
                try await client.keepalive()
            }
            #expect(await client.rekeyCount >= 3)
            await client.close()
        }
    }

    @Test("a client that closes right after its last bytes has them read all the same")
    func closeAfterData() async throws {
        try await TestServer.run { server in
            let client = try await Self.logIn(server)
            let session = try await client.openSession()
            try await session.request(.exec(command: "sink"))
            try await session.write(ByteBuffer(repeating: 1, count: 500_000))
            await session.sendEOF()
            await session.close()
            try await server.journal.wait(for: .note("sink 500000"))
            try await server.journal.wait(for: .sessionClosed(1))
            await client.close()
        }
    }

    // MARK: - Back-pressure

    @Test("a reader that does not read holds the writer back")
    func slowServerReader() async throws {
        try await TestServer.run { server in
            let client = try await Self.logIn(server)
            let session = try await client.openSession()
            try await session.request(.exec(command: "hang"))
            let block = ByteBuffer(repeating: 0, count: 1 << 20)
            try await session.write(block)
            try await session.write(block)
            // The window is full now: one byte more has to wait, until the session is closed.
            let waiting = Task { try await session.write(ByteBuffer(string: "x")) }
            try await client.keepalive()
            await session.close()
            waiting.cancel()
            await #expect(throws: (any Error).self) { try await waiting.value }
            await client.close()
        }
    }

    @Test("a cancelled reader stops waiting, and the next one gets the bytes")
    func cancelledReader() async throws {
        try await TestServer.run { server in
            let client = try await Self.logIn(server)
            let session = try await client.openSession()
            try await session.request(.exec(command: "cat"))
            let reader = Task { try await session.read() }
            try await client.keepalive()
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
            try await session.write(ByteBuffer(string: "hello"))
            #expect(try await session.read()?.bytes == ByteBuffer(string: "hello"))
            await client.close()
        }
    }

    // MARK: - Limits of channels and requests

    @Test("a refused session says why, and the connection goes on")
    func refusedSession() async throws {
        var behaviour = TestBehaviour()
        behaviour.openSession = { $0 > 1 ? (.resourceShortage, "Too many sessions.") : nil }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await Self.logIn(server)
            let session = try await client.openSession()
            await #expect(
                throws: SSHClientError.channelRefused(reason: 4, text: "Too many sessions.")
            ) {
                _ = try await client.openSession()
            }
            try await session.request(.exec(command: "exit 0"))
            #expect(await session.exit() == .status(0))
            await client.close()
        }
    }

    @Test("another channel type is refused with reason 3 and told to the handler")
    func unsupportedChannel() async throws {
        try await TestServer.run { server in
            let client = try await Self.logIn(server)
            await #expect(
                throws: SSHClientError.channelRefused(reason: 3, text: "unsupported channel type")
            ) {
                _ = try await client.openChannel(type: "tun@openssh.com")
            }
            try await server.journal.wait(for: .unsupportedChannel("tun@openssh.com"))
            await client.close()
        }
    }

    @Test("a flood of requests ends the connection, while the handler is still at the first")
    func requestFlood() async throws {
        var behaviour = TestBehaviour()
        let gate = Gate()
        behaviour.request = { _ in await gate.wait() }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await Self.logIn(server)
            let session = try await client.openSession()
            for number in 0..<200 {
                let request = SessionRequest.environment(name: "A", value: "\(number)")
                // The connection may end in the middle of the flood; that is what is expected.
                _ = try? await session.request(request, wantsReply: false)
            }
            let end = ConnectionEnd.byServer(
                .protocolError,
                text: "too many pending requests on one channel"
            )
            _ = await session.exit()
            gate.open()
            try await server.journal.wait(for: .disconnected(end))
            #expect(await client.end == end)
        }
    }

    @Test("of many window sizes that wait the newest is passed on")
    func windowChanges() async throws {
        var behaviour = TestBehaviour()
        let gate = Gate()
        behaviour.request = { if case .exec = $0 { await gate.wait() } }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await Self.logIn(server)
            let session = try await client.openSession()
            try await session.request(.exec(command: "cat"), wantsReply: false)
            for columns in UInt32(1)...500 {
                let size = WindowSize(columns: columns, rows: 1)
                try await session.request(.windowChange(size), wantsReply: false)
            }
            try await client.keepalive()
            gate.open()
            #expect(try await session.request(.signal(name: "INT")))
            let seen = server.journal.entries.compactMap { entry -> SessionRequest? in
                guard case .request(_, let request) = entry else { return nil }
                return request
            }
            let newest = SessionRequest.windowChange(WindowSize(columns: 500, rows: 1))
            #expect(seen == [.exec(command: "cat"), newest, .signal(name: "INT")])
            await client.close()
        }
    }

    @Test("global requests reach the handler, and its answer the client")
    func globalRequest() async throws {
        var behaviour = TestBehaviour()
        behaviour.globalRequest = { request in
            request.type == "give-me-4" ? .success(ByteBuffer(bytes: [0, 0, 0, 4])) : .failure
        }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await Self.logIn(server)
            let success = GlobalReply.success(ByteBuffer(bytes: [0, 0, 0, 4]))
            #expect(try await client.globalRequest("give-me-4") == success)
            #expect(try await client.globalRequest("other") == .failure)
            await client.close()
        }
    }

    @Test("keepalives are answered while the backend starts")
    func keepaliveDuringStart() async throws {
        var behaviour = TestBehaviour()
        let gate = Gate()
        behaviour.authenticated = { _ in await gate.wait() }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await Self.logIn(server)
            try await client.keepalive()
            try await client.keepalive()
            gate.open()
            _ = try await client.openSession()
            await client.close()
        }
    }
}
