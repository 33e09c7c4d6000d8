import NIOCore
import SSHTestServer
import SharedSSH
import Testing

/// Our server and our client, over a real socket.
@Suite("The engine, end to end with our own client")
struct EngineTests {
    private func logIn(_ server: TestServer) async throws -> SSHClient {
        let client = try await server.connect()
        let result = try await client.authenticate("ann", .password("good"))
        #expect(result == .authenticated)
        return client
    }

    @Test(
        "what cat reads comes back, whatever the sizes",
        arguments: [1, 10, 3000, 40_000, 300_000]
    )
    func echo(size: Int) async throws {
        try await TestServer.run { server in
            for _ in 0..<20 {
                let client = try await logIn(server)
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
}
