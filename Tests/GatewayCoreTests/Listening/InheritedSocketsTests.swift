import Glibc
import Testing

@testable import GatewayCore

@Suite("Sockets from whoever started the process")
struct InheritedSocketsTests {
    @Test(
        "what is not meant for this process is left alone",
        arguments: [
            [:], ["LISTEN_FDS": "1"], ["LISTEN_FDS": "1", "LISTEN_PID": "8"],
            ["LISTEN_FDS": "1", "LISTEN_PREDECESSOR": "7"],
            ["LISTEN_FDS": "0", "LISTEN_PID": "7"], ["LISTEN_FDS": "-1", "LISTEN_PID": "7"],
            ["LISTEN_FDS": "1000000", "LISTEN_PID": "7"], ["LISTEN_FDS": "x", "LISTEN_PID": "7"],
        ]
    )
    func ignored(variables: [String: String]) {
        let inherited = InheritedSockets(variables, process: 7, parent: 6)
        #expect(inherited.given.isEmpty)
        #expect(inherited.handedOver.isEmpty)
        #expect(inherited.progress == nil)
    }

    @Test("a socket that does not listen is refused")
    func notListening() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        #expect(throws: (any Error).self) { _ = try ListeningSocket(inherited: descriptor) }
    }
}
