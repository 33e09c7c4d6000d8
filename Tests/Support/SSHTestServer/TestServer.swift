package import NIOCore
import NIOPosix
package import SharedSSH

/// A server on a free port of the loopback address, with a journal of what happened.
package struct TestServer: Sendable {
    package let server: SSHServer
    package let journal: Journal
    package let port: Int
    package let hostKey: SSHPublicKey

    /// Settings with a fresh Ed25519 key.
    package static func settings() throws -> SSHServerSettings {
        SSHServerSettings(
            transport: TransportSettings(hostKeys: [try SSHPrivateKey.generateEd25519()])
        )
    }

    package static func start(
        _ settings: SSHServerSettings,
        _ behaviour: TestBehaviour = TestBehaviour(),
        port: Int = 0,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> TestServer {
        let journal = Journal()
        let server = SSHServer(settings: settings, group: group) { remote, control, loop in
            TestConnectionHandler(
                remote: remote,
                control: control,
                eventLoop: loop,
                behaviour: behaviour,
                journal: journal
            )
        }
        try await server.start(host: "127.0.0.1", port: port)
        guard let bound = server.boundAddress?.port, let key = settings.transport.hostKeys.first
        else { throw ChannelError.unknownLocalAddress }
        return TestServer(server: server, journal: journal, port: bound, hostKey: key.publicKey)
    }

    /// What a client needs that knows this server's key.
    package var clientSettings: SSHClientSettings {
        let trusted = hostKey
        return SSHClientSettings(
            transport: TransportSettings(
                identification: "SSH-2.0-BerthTest",
                isHostKeyTrusted: { $0 == trusted }
            )
        )
    }

    /// Connects to this server, not authenticated.
    package func connect(_ settings: SSHClientSettings? = nil) async throws -> SSHClient {
        try await SSHClient.connect(
            host: "127.0.0.1",
            port: port,
            settings: settings ?? clientSettings,
            group: MultiThreadedEventLoopGroup.singleton
        )
    }

    /// Runs `body` with a server, then ends the server.
    package static func run<Result>(
        _ settings: SSHServerSettings? = nil,
        _ behaviour: TestBehaviour = TestBehaviour(),
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(try settings ?? Self.settings(), behaviour)
        do {
            let result = try await body(server)
            await server.server.shutdown(deadline: .zero, text: "test over")
            return result
        } catch {
            await server.server.shutdown(deadline: .zero, text: "test over")
            throw error
        }
    }
}
