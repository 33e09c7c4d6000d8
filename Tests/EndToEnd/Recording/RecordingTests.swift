import Foundation
import Testing

@Suite(
    "Recordings of real sessions",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .timeLimit(.minutes(4))
)
struct RecordingTests {
    /// Numbers of the recording format.
    private enum Kind {
        static let connect = 0
        static let disconnect = 1
        static let passwordAttempt = 100
        static let handshakeSuccessful = 199
        static let forwardTCP = 202
        static let directTCP = 303
        static let close = 497
        static let channelAccepted = 301
        static let exec = 403
        static let terminal = 404
        static let shell = 405
        static let exit = 499
        static let io = 500
    }

    @Test("a command is recorded from connecting to disconnecting, with what it read and wrote")
    func command() async throws {
        try await Installation.with(intercepting("stdin", "stdout", "stderr")) { installation in
            let end = try await installation.ssh("cat; echo err >&2; exit 7", input: .text("typed"))
            #expect(end.status == 7)
            let recordings = Recordings(installation: installation)
            let events = try await recordings.show(try await recordings.finished().id).events
            let expected = [
                Kind.connect, Kind.handshakeSuccessful, Kind.channelAccepted, Kind.exec,
                Kind.exit, Kind.disconnect,
            ]
            #expect(events.map(\.type).filter(expected.contains) == expected)
            #expect(events.first?.type == Kind.connect)
            #expect(events.last?.type == Kind.disconnect)
            #expect(
                events.first { $0.type == Kind.exec }?.payload?.program?.contains("cat;") == true
            )
            #expect(events.first { $0.type == Kind.exit }?.payload?.exitStatus == 7)
            #expect(text(of: 0, in: events) == "typed")
            #expect(text(of: 1, in: events) == "typed")
            #expect(text(of: 2, in: events) == "err\n")
        }
    }

    @Test("forwards are recorded with target, outcome, bytes and end, in both directions")
    func forwards() async throws {
        let settings =
            intercepting("forwarding") + [
                "security.forwarding.forwardingMode=enable",
                "security.forwarding.reverseForwardingMode=enable",
            ]
        try await Installation.with(settings) { installation in
            let (server, home) = try await installation.server("sink", "0")
            let port = Surroundings.freePort()
            let (client, _) = try await installation.serverInside(
                "sink",
                "8080",
                ["-L", "\(port):127.0.0.1:8080", "-R", "7070:127.0.0.1:\(home)"]
            )
            _ = try await installation.sockets("send", "\(port)", input: .text("local"))
            try client.closeInput()
            _ = try await client.end()
            try server.closeInput()
            let recordings = Recordings(installation: installation)
            let events = try await recordings.show(try await recordings.finished().id).events
            let types = events.map(\.type)
            #expect(types.contains(Kind.forwardTCP))
            #expect(types.filter { $0 == Kind.channelAccepted }.count == 2)
            let forward = try #require(types.firstIndex(of: Kind.directTCP))
            let expected = [Kind.channelAccepted, Kind.close]
            #expect(types[forward...].filter(expected.contains).prefix(2) == expected[...])
            #expect(text(of: 1, in: events) == "local")
            #expect(text(of: 0, in: events).hasPrefix("5 "))
        }
    }

    @Test("a terminal session can be replayed as an asciicast")
    func terminal() async throws {
        try await Installation.with(intercepting("stdout")) { installation in
            let end = try await installation.ssh(
                nil,
                arguments: ["-tt"],
                input: .text("echo mark-$((40+2)); exit\n")
            )
            #expect(end.output.contains("mark-42"))
            let recordings = Recordings(installation: installation)
            let id = try await recordings.finished().id
            let kinds = try await recordings.show(id).events.map(\.type)
            #expect(kinds.filter { [Kind.terminal, Kind.shell].contains($0) } == [404, 405])
            let cast = try await recordings.cast(id).split(separator: "\n")
            #expect(cast.first?.contains("\"version\":2") == true)
            #expect(cast.dropFirst().contains { $0.contains("mark-42") })
        }
    }

    @Test("the stored file decodes to the same lines without auditd")
    func decode() async throws {
        try await Installation.with(intercepting("stdout")) { installation in
            _ = try await installation.ssh("echo out")
            let recordings = Recordings(installation: installation)
            let id = try await recordings.finished().id
            let shown = try await recordings.show(id).text
            try await wait(for: "the recording is stored") { storedFile(id, installation) != nil }
            let file = try #require(storedFile(id, installation))
            let decoded = try await installation.berth("recording", "decode", file)
            #expect(decoded.status == 0, "\(decoded.errors)")
            #expect(decoded.output == shown)
            #expect(!shown.contains("\"error\""))
        }
    }

    @Test("streams that are not to be intercepted are absent")
    func onlyOutput() async throws {
        try await Installation.with(intercepting("stdout")) { installation in
            _ = try await installation.ssh("cat; echo err >&2", input: .text("typed"))
            let recordings = Recordings(installation: installation)
            let events = try await recordings.show(try await recordings.finished().id).events
            #expect(text(of: 0, in: events).isEmpty)
            #expect(text(of: 1, in: events) == "typed")
            #expect(text(of: 2, in: events).isEmpty)
        }
    }

    @Test(
        "a password is in the recording only when it is to be intercepted",
        arguments: [false, true]
    )
    func password(intercepted: Bool) async throws {
        let streams = intercepted ? ["passwords"] : []
        try await Installation.with(streams.map { "audit.intercept.\($0)=true" }) { installation in
            #expect(try await installation.ssh("true", .password).status == 0)
            let recordings = Recordings(installation: installation)
            let (text, events) = try await recordings.show(try await recordings.finished().id)
            let attempt = try #require(events.first { $0.type == Kind.passwordAttempt })
            let base64 = Data(Installation.password.utf8).base64EncodedString()
            #expect(attempt.payload?.username == Installation.user)
            #expect(text.contains(base64) == intercepted)
            #expect(!text.contains(Installation.password))
        }
    }

    private func intercepting(_ streams: String...) -> [String] {
        streams.map { "audit.intercept.\($0)=true" }
    }

    private func text(of stream: Int, in events: [Recordings.Event]) -> String {
        events.filter { $0.type == Kind.io && $0.payload?.stream == stream }
            .compactMap { $0.payload?.text }
            .joined()
    }

    private func storedFile(_ id: String, _ installation: Installation) -> String? {
        let folder = installation.config.recordings
        return FileManager.default.enumerator(atPath: folder)?
            .compactMap { $0 as? String }
            .first { $0.split(separator: "/").last.map(String.init) == id }
            .map { folder + "/" + $0 }
    }
}
