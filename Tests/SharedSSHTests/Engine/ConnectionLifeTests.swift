import NIOCore
import SSHTestServer
import Testing

@testable import SharedSSH

/// How connections begin and end.
@Suite("The life of a connection")
struct ConnectionLifeTests {
    // MARK: - Authentication

    @Test("a key is probed, proven, and bound to this session")
    func publicKey() async throws {
        let key = try SSHPrivateKey.generateEd25519()
        try await TestServer.run { server in
            let client = try await server.connect()
            let probe = ClientCredential.publicKeyProbe(key.publicKey, .ed25519)
            #expect(try await client.authenticate("ann", probe) == .keyAcceptable)
            #expect(
                try await client.authenticate("ann", .publicKey(key, .ed25519)) == .authenticated
            )
            try await server.journal.wait(for: .authenticated("ann"))
            let methods = server.journal.entries.compactMap { entry -> Bool? in
                guard case .attempt(let attempt) = entry else { return nil }
                if case .publicKey = attempt.method { return true }
                return false
            }
            #expect(methods == [false, true])
            await client.close()
        }
    }

    @Test("the banner comes first, and lines of the handler after it")
    func banner() async throws {
        var settings = try TestServer.settings()
        settings.authentication.banner = "Welcome\n"
        try await TestServer.run(settings) { server in
            let client = try await server.connect()
            _ = try await client.authenticate("ann", .password("wrong"))
            #expect(await client.banners == ["Welcome\n"])
            await client.close()
        }
    }

    @Test("too many failures end the connection with reason 14")
    func tooManyFailures() async throws {
        var settings = try TestServer.settings()
        settings.authentication.maximumFailures = 3
        try await TestServer.run(settings) { server in
            let client = try await server.connect()
            for _ in 0..<2 {
                let result = try await client.authenticate("ann", .password("wrong"))
                #expect(result == .refused(methods: ["password"], isPartial: false))
            }
            let end = ConnectionEnd.byServer(
                .noMoreAuthenticationMethods,
                text: "Too many authentication failures"
            )
            await #expect(throws: SSHClientError.closed(end)) {
                _ = try await client.authenticate("ann", .password("wrong"))
            }
            try await server.journal.wait(for: .disconnected(end))
        }
    }

    @Test("a refusal after authentication is told with reason and text")
    func refusedAfterwards() async throws {
        var behaviour = TestBehaviour()
        behaviour.authenticated = { _ in
            throw ServerRefusal(reason: .serviceNotAvailable, text: "No backend.")
        }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await EngineTests.logIn(server)
            let end = ConnectionEnd.byServer(.serviceNotAvailable, text: "No backend.")
            await #expect(throws: SSHClientError.closed(end)) { _ = try await client.openSession() }
            try await server.journal.wait(for: .disconnected(end))
        }
    }

    @Test("a client that does not log in in time is told so")
    func loginGrace() async throws {
        var settings = try TestServer.settings()
        settings.loginGraceTime = .milliseconds(50)
        try await TestServer.run(settings) { server in
            let end = ConnectionEnd.byServer(
                .byApplication,
                text: "Time for authentication is over."
            )
            // On a busy machine the time may be over before the keys are exchanged.
            await #expect(throws: SSHClientError.closed(end)) {
                let client = try await server.connect()
                try await server.journal.wait(for: .disconnected(.graceExceeded))
                _ = try await client.authenticate("ann", .password("good"))
            }
            try await server.journal.wait(for: .disconnected(.graceExceeded))
        }
    }

    @Test("channels before authentication end the connection")
    func channelsTooEarly() async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            await #expect(throws: SSHClientError.self) { _ = try await client.openSession() }
            try await server.journal.wait(
                for: .disconnected(.byServer(.protocolError, text: "Unexpected message 90."))
            )
        }
    }

    // MARK: - The end

    @Test("goodbye, a hang-up, and each only once and last")
    func clientEnds() async throws {
        for isPolite in [true, false] {
            try await TestServer.run { server in
                let client = try await EngineTests.logIn(server)
                let session = try await client.openSession()
                try await session.request(.exec(command: "hang"))
                if isPolite { await client.close() } else { await client.abandon() }
                try await server.journal.wait { entries in
                    entries.contains { $0.isDisconnected }
                }
                let entries = server.journal.entries
                #expect(entries.filter(\.isDisconnected).count == 1)
                #expect(entries.last?.isDisconnected == true)
                #expect(entries.contains(.sessionClosed(1)))
                guard case .disconnected(.byClient(let reason, _))? = entries.last else {
                    Issue.record("not by the client")
                    return
                }
                #expect(reason == (isPolite ? .byApplication : nil))
            }
        }
    }

    @Test("a silent client is lost after as many unanswered keepalives as allowed")
    func clientAlive() async throws {
        var settings = try TestServer.settings()
        settings.clientAliveInterval = .milliseconds(30)
        settings.clientAliveCountMax = 2
        try await TestServer.run(settings) { server in
            let client = try await EngineTests.logIn(server)
            await client.stopReading()
            try await server.journal.wait(for: .disconnected(.silent))
            await client.abandon()
        }
    }

    @Test("a client that answers keepalives stays")
    func clientAnswers() async throws {
        var settings = try TestServer.settings()
        settings.clientAliveInterval = .milliseconds(50)
        settings.clientAliveCountMax = 100
        try await TestServer.run(settings) { server in
            let client = try await EngineTests.logIn(server)
            let deadline = ContinuousClock.now + .seconds(90)
            while await client.keepaliveCount < 5, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(await client.keepaliveCount >= 5)
            #expect(await client.end == nil)
            await client.close()
        }
    }

    @Test(
        "new keys that are begun and not agreed on end the connection, whoever began",
        arguments: [true, false]
    )
    func silentRekey(clientBegins: Bool) async throws {
        var settings = try TestServer.settings()
        settings.rekeyTimeout = .milliseconds(50)
        if !clientBegins { settings.rekeyInterval = .milliseconds(50) }
        try await TestServer.run(settings) { server in
            let client = try await EngineTests.logIn(server)
            await client.stopReading()
            if clientBegins { await client.requestRekey() }
            let text = "The exchange of new keys took too long."
            try await server.journal.wait(
                for: .disconnected(.byServer(.keyExchangeFailed, text: text))
            )
            await client.abandon()
        }
    }

    @Test("new keys are timed until they are there")
    func timedRekey() async throws {
        try await TestServer.run { server in
            let client = try await EngineTests.logIn(server)
            let connection = try #require(server.server.registry.all.first)
            #expect(await !connection.isTimingExchange)
            await client.stopReading()
            await client.requestRekey()
            try await wait { await connection.isTimingExchange }
            await client.resumeReading()
            try await wait { await !connection.isTimingExchange }
            #expect(await client.end == nil)
            await client.close()
        }
    }

    private func wait(for condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(90)
        while try await !condition() {
            try #require(ContinuousClock.now < end, "not so in time")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("a handler can end its connection at any time")
    func handlerDisconnects() async throws {
        let refusal = ServerRefusal(reason: .byApplication, text: "Administrator says no.")
        let control = Held<any ServerConnectionControl>()
        var settings = try TestServer.settings()
        settings.loginGraceTime = .seconds(60)
        let journal = Journal()
        let server = SSHServer(settings: settings, group: singletonGroup) { remote, its, loop in
            control.value = its
            return TestConnectionHandler(
                remote: remote,
                control: its,
                eventLoop: loop,
                behaviour: TestBehaviour(),
                journal: journal
            )
        }
        try await server.start(host: "127.0.0.1", port: 0)
        let client = try await SSHClient.connect(
            host: "127.0.0.1",
            port: try #require(server.boundAddress?.port),
            settings: SSHClientSettings(
                transport: TransportSettings(isHostKeyTrusted: { _ in true })
            ),
            group: singletonGroup
        )
        _ = try await client.authenticate("ann", .password("good"))
        control.value?.disconnect(refusal)
        control.value?.disconnect(ServerRefusal(reason: .protocolError, text: "again"))
        let end = ConnectionEnd.byServer(refusal.reason, text: refusal.text)
        try await journal.wait(for: .disconnected(end))
        await server.shutdown(deadline: .zero, text: "over")
    }

    // MARK: - The server

    @Test("one connection more than allowed is told so")
    func maximumConnections() async throws {
        var settings = try TestServer.settings()
        settings.maximumConnections = 1
        try await TestServer.run(settings) { server in
            let first = try await EngineTests.logIn(server)
            let end = ConnectionEnd.byServer(.tooManyConnections, text: "Too many connections.")
            await #expect(throws: SSHClientError.closed(end)) { _ = try await server.connect() }
            await first.close()
            try await server.journal.wait { $0.contains { $0.isDisconnected } }
        }
    }

    @Test("shutdown lets clients finish, and tells those that do not")
    func shutdown() async throws {
        let server = try await TestServer.start(try TestServer.settings())
        let client = try await EngineTests.logIn(server)
        await server.server.shutdown(deadline: .milliseconds(50), text: "The server stops.")
        let end = ConnectionEnd.byServer(.byApplication, text: "The server stops.")
        #expect(server.journal.entries.last == .disconnected(end))
        #expect(server.server.connectionCount == 0)
        await #expect(throws: SSHClientError.self) { try await client.keepalive() }
        await #expect(throws: (any Error).self) { _ = try await server.connect() }
    }

    @Test("shutdown returns as soon as the last client has left")
    func shutdownEarly() async throws {
        let server = try await TestServer.start(try TestServer.settings())
        let client = try await EngineTests.logIn(server)
        async let down: Void = server.server.shutdown(deadline: .seconds(600), text: "")
        await client.close()
        await down
        #expect(server.journal.entries.last?.isDisconnected == true)
    }
}

extension Journal.Entry {
    fileprivate var isDisconnected: Bool {
        if case .disconnected = self { true } else { false }
    }
}
