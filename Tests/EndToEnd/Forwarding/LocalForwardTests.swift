import Foundation
import Glibc
import SharedMessages
import Testing

extension ForwardingTests {
    @Suite("Connections of the client", .timeLimit(.minutes(4)))
    struct LocalForwardTests {
        @Test("-L reaches a port in the sandbox, and each side's end arrives for itself")
        func tcp() async throws {
            let installation = try Installation.current
            let port = Surroundings.freePort()
            let (client, _) = try await installation.serverInside(
                "sink",
                "8080",
                ["-L", "\(port):127.0.0.1:8080"]
            )
            let end = try await installation.sockets("send", "\(port)", input: .text("hello"))
            #expect(end.output.hasPrefix("5 2cf24dba5fb0a30e26e83b2ac5b9e29e"))
            try client.closeInput()
            #expect(try await client.end().status == 0)
            try await installation.awaitLog(.gateway, .forwardOpened)
            try await installation.awaitLog(.gateway, .forwardClosed)
        }
    }
}
