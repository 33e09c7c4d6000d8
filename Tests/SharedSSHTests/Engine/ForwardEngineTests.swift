import NIOCore
import SSHTestServer
import SharedSSH
import Testing

/// Channels that lead elsewhere, opened by the client.
@Suite("Forwards of the engine")
struct ForwardEngineTests {
    static let target = ForwardTarget.tcp(
        host: "inside",
        port: 80,
        originator: ForwardOrigin(host: "127.0.0.1", port: 4000)
    )

    @Test(
        "bytes of a forward go both ways, and each side's end for itself",
        arguments: [
            target, .unixSocket(path: "/run/app.sock"),
        ]
    )
    func carries(target: ForwardTarget) async throws {
        var behaviour = TestBehaviour()
        behaviour.openForward = { channel, _ in .accepted(EchoForward(channel)) }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            let channel = try await client.connect(to: target)
            let sent = ByteBuffer(bytes: (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            async let output = channel.collect()
            try await channel.write(sent)
            await channel.sendEOF()
            #expect(try await output.stdout == sent)
            // The server closes once both directions are through.
            #expect(await channel.exit() == nil)
            try await server.journal.wait(for: .forward(target))
            await client.close()
        }
    }

    @Test("a refusal reaches the client with its reason and text")
    func refused() async throws {
        var behaviour = TestBehaviour()
        behaviour.openForward = { _, _ in .refused(.connectFailed, text: "Nobody listens.") }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            await #expect(
                throws: SSHClientError.channelRefused(reason: 2, text: "Nobody listens.")
            ) {
                _ = try await client.connect(to: Self.target)
            }
            await client.close()
        }
    }

    @Test("a dial that takes its time holds up nothing else")
    func slowDial() async throws {
        let gate = Gate()
        var behaviour = TestBehaviour()
        behaviour.openForward = { channel, target in
            if target == Self.target { await gate.wait() }
            return .accepted(EchoForward(channel))
        }
        behaviour.listen = { _ in .listening(port: 1) }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            async let slow = client.connect(to: Self.target)
            try await server.journal.wait(for: .forward(Self.target))
            let session = try await client.openSession()
            try await session.request(.exec(command: "exit 4"))
            #expect(await session.exit() == .status(4))
            let quick = try await client.connect(to: .unixSocket(path: "/quick"))
            await quick.close()
            #expect(try await client.listen(.tcp(host: "", port: 0)) == 1)
            gate.open()
            await (try slow).close()
            await client.close()
        }
    }

    /// A server whose `/slow` listens once the gate opens.
    private static func slowListener(_ gate: Gate) -> TestBehaviour {
        var behaviour = TestBehaviour()
        behaviour.listen = { address in
            if address == .unixSocket(path: "/slow") { await gate.wait() }
            return .listening(port: nil)
        }
        return behaviour
    }

    @Test("listening that takes its time holds up no channel, and replies keep their order")
    func slowListen() async throws {
        let gate = Gate()
        var behaviour = Self.slowListener(gate)
        behaviour.globalRequest = { _ in .success(ByteBuffer(string: "known")) }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            let session = try await client.openSession()
            try await session.request(.exec(command: "cat"))
            async let slow = client.listen(.unixSocket(path: "/slow"))
            try await server.journal.wait(for: .listen(.unixSocket(path: "/slow")))
            async let later = client.globalRequest("later@example.org")
            // More than a window, so that adjustments are needed too.
            let sent = ByteBuffer(repeating: 7, count: 3_000_000)
            async let output = session.collect()
            try await session.write(sent)
            await session.sendEOF()
            #expect(try await output.stdout == sent)
            #expect(await session.exit() == .status(0))
            let second = try await client.openSession()
            #expect(try await second.request(.environment(name: "A", value: "b")))
            gate.open()
            #expect(try await slow == 0)
            #expect(try await later == .success(ByteBuffer(string: "known")))
            await client.close()
        }
    }

    @Test(
        "a program starts once the places to listen that were asked for before it are answered",
        arguments: [
            SessionRequest.shell, .exec(command: "exit 0"), .subsystem(name: "none"),
        ]
    )
    func listenThenProgram(program: SessionRequest) async throws {
        let gate = Gate()
        try await TestServer.run(nil, Self.slowListener(gate)) { server in
            let client = try await EngineTests.logIn(server)
            async let listening = client.listen(.unixSocket(path: "/slow"))
            try await server.journal.wait(for: .listen(.unixSocket(path: "/slow")))
            let session = try await client.openSession()
            #expect(try await session.request(.environment(name: "A", value: "b")))
            #expect(try await session.request(program, wantsReply: false))
            // Answers to what was sent later show that the server has got this far.
            for _ in 0..<20 { await (try client.openSession()).close() }
            #expect(!server.journal.hasStarted(program))
            gate.open()
            _ = try await listening
            try await server.journal.wait { Journal.hasStarted(program, in: $0) }
            await client.close()
        }
    }

    @Test("a client that goes away while its program waits for a place to listen leaves nothing")
    func goneWhileHeld() async throws {
        let gate = Gate()
        try await TestServer.run(nil, Self.slowListener(gate)) { server in
            let client = try await EngineTests.logIn(server)
            let listening = Task { try await client.listen(.unixSocket(path: "/slow")) }
            try await server.journal.wait(for: .listen(.unixSocket(path: "/slow")))
            let session = try await client.openSession()
            #expect(try await session.request(.shell, wantsReply: false))
            await (try client.openSession()).close()
            await client.abandon()
            await #expect(throws: (any Error).self) { _ = try await listening.value }
            // The server has noticed.
            try await server.journal.wait(for: .sessionClosed(1))
            gate.open()
            try await server.journal.wait { entries in
                entries.contains { if case .disconnected = $0 { true } else { false } }
            }
            #expect(!server.journal.hasStarted(.shell))
        }
    }

    @Test(
        "a malformed open is refused with a text and told, and harms nothing",
        arguments: [
            "direct-tcpip", "direct-streamlocal@openssh.com",
        ]
    )
    func malformedOpen(type: String) async throws {
        try await TestServer.run { server in
            let client = try await EngineTests.logIn(server)
            let payload = ByteBuffer(bytes: [0, 0, 0, 9, 1, 2])
            await #expect(
                throws: SSHClientError.channelRefused(reason: 2, text: "malformed channel open")
            ) {
                _ = try await client.openChannel(type: type, payload: payload)
            }
            let told = MalformedRequest(kind: .channelOpen, type: type, payload: payload)
            try await server.journal.wait(for: .malformed(told))
            let session = try await client.openSession()
            try await session.request(.exec(command: "exit 0"))
            #expect(await session.exit() == .status(0))
            await client.close()
        }
    }

    @Test("a request on a forward is answered with failure")
    func requestOnForward() async throws {
        var behaviour = TestBehaviour()
        behaviour.openForward = { channel, _ in .accepted(EchoForward(channel)) }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            let channel = try await client.connect(to: Self.target)
            #expect(try await channel.request(.exec(command: "cat")) == false)
            #expect(try await channel.request(.shell) == false)
            await client.close()
        }
    }

    @Test("a client that goes away ends its forwards and dials, each told once")
    func disconnect() async throws {
        var behaviour = TestBehaviour()
        let journal = Journal()
        behaviour.openForward = { channel, target in
            if target == .unixSocket(path: "/stuck") {
                // Ends only by being cancelled.
                let (never, source) = AsyncStream.makeStream(of: Void.self)
                for await _ in never {}
                source.finish()
                journal.add(.note("dial over"))
            }
            return .accepted(EchoForward(channel, journal))
        }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            _ = try await client.connect(to: Self.target)
            let stuck = Task { try await client.connect(to: .unixSocket(path: "/stuck")) }
            try await server.journal.wait(for: .forward(.unixSocket(path: "/stuck")))
            await client.abandon()
            await #expect(throws: SSHClientError.self) { _ = try await stuck.value }
            try await server.journal.wait { entries in
                entries.contains { if case .disconnected = $0 { true } else { false } }
            }
            let notes = journal.entries.filter { $0 == .note("forward closed") }
            #expect(notes.count == 2)
            #expect(journal.entries.contains(.note("dial over")))
        }
    }

    @Test("a flood of opens stays within its bounds, and what waits is served after it")
    func flood() async throws {
        let gate = Gate()
        var behaviour = TestBehaviour()
        behaviour.openForward = { channel, _ in
            await gate.wait()
            return .accepted(EchoForward(channel))
        }
        var settings = try TestServer.settings()
        settings.limits.pendingQuestions = 8
        try await TestServer.run(settings, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<90 {
                    group.addTask {
                        // Refused with a reason is an answer.
                        (try? await client.connect(to: Self.target)) != nil
                    }
                }
                var accepted = 0
                var refused = 0
                while let isOpen = await group.next() {
                    if isOpen { accepted += 1 } else { refused += 1 }
                    // The others wait for the gate.
                    if refused == 82 { gate.open() }
                }
                return (accepted, refused)
            }
            #expect(outcomes == (8, 82))
            let session = try await client.openSession()
            try await session.request(.exec(command: "exit 0"))
            #expect(await session.exit() == .status(0))
            await client.close()
        }
    }
}

extension Journal {
    fileprivate func hasStarted(_ program: SessionRequest) -> Bool {
        Self.hasStarted(program, in: entries)
    }

    fileprivate static func hasStarted(_ program: SessionRequest, in entries: [Entry]) -> Bool {
        entries.contains { if case .request(_, program) = $0 { true } else { false } }
    }
}
