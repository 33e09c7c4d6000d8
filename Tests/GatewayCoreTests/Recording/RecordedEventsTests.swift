import NIOCore
import SSHTestServer
import SharedAudit
import SharedConfig
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("Recordings of real connections", .timeLimit(.minutes(5)))
struct RecordedEventsTests {
    private let success = AuditEvent.handshakeSuccessful(username: "dev")
    private let arrival = AuditEvent.connect(remoteAddress: "127.0.0.1", country: "CH")

    // MARK: - Who somebody is

    @Test("passwords: tried, then refused or accepted; without interception no password is there")
    func passwords() async throws {
        for isIntercepted in [false, true] {
            let made = try await RecordedScenes.passwords(
                ["wrong", RecordedScenes.secret],
                intercepted: isIntercepted
            )
            let (wrong, right) = (Array("wrong".utf8), Array(RecordedScenes.secret.utf8))
            let seen = { isIntercepted ? $0 : nil } as ([UInt8]) -> [UInt8]?
            #expect(
                made.events == [
                    arrival, .passwordAttempt(username: "dev", password: seen(wrong)),
                    .passwordRefused(username: "dev", password: seen(wrong)),
                    .passwordAttempt(username: "dev", password: seen(right)),
                    .passwordAccepted(username: "dev", password: seen(right)), success,
                    .disconnect,
                ]
            )
            #expect(made.text.contains(base64(right)) == isIntercepted)
            #expect(!made.text.contains(RecordedScenes.secret))
        }
    }

    @Test("an outage of the webhook is recorded with its words, then that nobody got in")
    func outage() async throws {
        let reason = RecordedScenes.unavailable.text
        let made = try await RecordedScenes.passwords(["down"])
        #expect(made.types == [0, 100, 103, 198, 1])
        #expect(
            made.events.contains(
                .passwordUnavailable(username: "dev", password: nil, reason: reason)
            )
        )
        let key = try SSHPrivateKey.generateEd25519()
        let keys = try await RecordedScenes.keys([key], isDown: true)
        #expect(keys.types == [0, 104, 107, 198, 1])
        let questions = try await RecordedScenes.questions(["down"])
        #expect(questions.types == [0, 108, 109, 111, 198, 1])
        #expect(questions.events.contains(.challengeUnavailable(username: "dev", reason: reason)))
    }

    @Test("a connection that never logs in says why at its end")
    func givenUp() async throws {
        let made = try await RecordedScenes.passwords([])
        #expect(made.types == [0, 198, 1])
    }

    @Test("a backend that refuses somebody is recorded behind the login that succeeded")
    func refusedAfterwards() async throws {
        var behaviour = TestBehaviour()
        behaviour.authenticated = { _ in throw RecordedScenes.unavailable }
        let made = try await RealRecording.made(behaviour) { client, _ in
            _ = try? await client.authenticate("dev", .password("x"))
            // It ends meanwhile.
            _ = try? await client.openSession()
        }
        #expect(made.types == [0, 100, 101, 199, 198, 1])
        #expect(
            made.events.contains(.handshakeFailed(reason: RecordedScenes.unavailable.text))
        )
    }

    @Test("keys: each query and each proof, then what became of it")
    func keys() async throws {
        let keys = [try SSHPrivateKey.generateEd25519(), try SSHPrivateKey.generateEd25519()]
        let lines = keys.map { "ssh-ed25519 " + base64($0.publicKey.blob) }
        let made = try await RecordedScenes.keys(keys)
        #expect(
            made.events == [
                arrival, .publicKeyAttempt(username: "dev", key: lines[0]),
                .publicKeyRefused(username: "dev", key: lines[0]),
                .publicKeyAttempt(username: "dev", key: lines[1]),
                .publicKeyAccepted(username: "dev", key: lines[1]),
                .publicKeyAttempt(username: "dev", key: lines[1]),
                .publicKeyAccepted(username: "dev", key: lines[1]), success, .disconnect,
            ]
        )
    }

    @Test("questions and answers: the words of both, the answers only where they are wanted")
    func questions() async throws {
        for isIntercepted in [false, true] {
            let made = try await RecordedScenes.questions(
                ["wrong", RecordedScenes.secret],
                intercepted: isIntercepted
            )
            #expect(made.types == [0, 108, 109, 110, 108, 109, 199, 1])
            let challenge = AuditEvent.challenge(
                username: "dev",
                instruction: "Prove it",
                questions: [.init("Name: ", echo: true), .init("Code: ", echo: false)]
            )
            #expect(made.events[1] == challenge && made.events[4] == challenge)
            let answers = isIntercepted ? ["Jo", RecordedScenes.secret] : ["", ""]
            #expect(
                made.events[5]
                    == .challengeAnswer(
                        username: "dev",
                        answers: [
                            .init("Name: ", answer: answers[0]),
                            .init("Code: ", answer: answers[1]),
                        ]
                    )
            )
            #expect(made.text.contains(RecordedScenes.secret) == isIntercepted)
        }
    }

    @Test("a password that was to be changed is an attempt that is refused, and never recorded")
    func passwordChange() async throws {
        var behaviour = TestBehaviour()
        behaviour.authenticate = { _ in .refused(methods: ["password"]) }
        var intercept = AuditInterceptConfig()
        intercept.passwords = true
        let made = try await RealRecording.made(behaviour, intercept: intercept) { client, _ in
            let change = ClientCredential.passwordChange(old: RecordedScenes.secret, new: "new")
            _ = try? await client.authenticate("dev", change)
        }
        #expect(
            made.events(100...103) == [
                .passwordAttempt(username: "dev", password: nil),
                .passwordRefused(username: "dev", password: nil),
            ]
        )
        #expect(!made.text.contains(base64(Array(RecordedScenes.secret.utf8))))
    }

    // MARK: - What is asked of the connection

    @Test("global requests: unknown, malformed, places to listen, and that one is refused")
    func globalRequests() async throws {
        let made = try await RecordedScenes.globalRequests()
        #expect(
            made.events.filter { (200...299).contains($0.kind.number) || $0.kind.number == 501 }
                == [
                    .unknownGlobalRequest(type: "hello@example.org"),
                    .malformedGlobalRequest(
                        requestID: 1,
                        type: "tcpip-forward",
                        payload: [0, 0, 0, 9],
                        reason: "the payload does not parse"
                    ),
                    // A client that asks for a name of ours is a client that asks.
                    .unknownGlobalRequest(type: "container@berth"),
                    .forwardTCP(bindHost: "localhost", bindPort: 7),
                    .cancelForwardTCP(bindHost: "localhost", bindPort: 7),
                    .forwardTCP(bindHost: "", bindPort: 22),
                    .requestFailed(requestID: 5, reason: "not there"),
                    .cancelForwardTCP(bindHost: "", bindPort: 22),
                    .requestFailed(requestID: 6, reason: "nobody listens there"),
                    .forwardSocket(path: "/run/x"), .cancelForwardSocket(path: "/run/x"),
                ]
        )
        #expect(made.messages.filter { $0.channelID != nil }.isEmpty)
    }

    @Test("channels of every kind: asked for, open or refused with the reason, closed")
    func channels() async throws {
        let made = try await RecordedScenes.channels()
        let expected: [AuditEvent] = [
            .newChannel(type: "session"), .newChannelAccepted(type: "session"),
            .directTCP(host: "yes", port: 80, originatorHost: "127.0.0.1", originatorPort: 5),
            .newChannelAccepted(type: "direct-tcpip"), .directSocket(path: "/run/y"),
            .newChannelAccepted(type: "direct-streamlocal@openssh.com"),
            .newChannel(type: "session"),
            .newChannelRefused(type: "session", reason: "too many"),
            .directTCP(host: "no", port: 80, originatorHost: "127.0.0.1", originatorPort: 5),
            .newChannelRefused(type: "direct-tcpip", reason: "no"),
            .newChannel(type: "tun@openssh.com"),
            .newChannelRefused(type: "tun@openssh.com", reason: "unsupported channel type"),
            .newChannel(type: "direct-tcpip"),
            .newChannelRefused(type: "direct-tcpip", reason: "malformed channel open"),
            .forwardedTCP(host: "", port: 7, originatorHost: "127.0.0.1", originatorPort: 5),
            .newChannelAccepted(type: "forwarded-tcpip"), .forwardedSocket(path: "/run/x"),
            .newChannelAccepted(type: "forwarded-streamlocal@openssh.com"),
            .x11Channel(originatorHost: "127.0.0.1", originatorPort: 5),
            .newChannelAccepted(type: "x11"), .newChannel(type: "auth-agent@openssh.com"),
            .newChannelAccepted(type: "auth-agent@openssh.com"),
        ]
        #expect(made.events(300...307) == expected)
        // Two by the client, four by the server, and the session.
        #expect(made.types.filter { $0 == 497 }.count == 7)
        #expect(made.types.filter { $0 == 500 }.isEmpty)
    }

    @Test("the bytes of forwards are recorded where wanted: whoever opened it sends on stream 1")
    func forwarding() async throws {
        let made = try await RecordedScenes.channels(forwarding: true)
        for (opened, out, back) in [
            (Int32(303), "ping", "ping"), (306, "ping", "ping"), (304, "inside", "outside"),
            (307, "inside", "outside"), (305, "inside", "outside"),
        ] {
            let channel = made.messages.first { $0.event.kind.number == opened }?.channelID
            let pieces = made.messages.filter { $0.channelID == channel }.map(\.event)
            #expect(pieces.contains(.io(.stdout, ByteBuffer(string: out))), "\(opened)")
            #expect(pieces.contains(.io(.stdin, ByteBuffer(string: back))), "\(opened)")
        }
        let agent = made.messages.last {
            $0.event == .newChannelAccepted(type: "auth-agent@openssh.com")
        }
        let pieces = made.messages.filter { $0.channelID == agent?.channelID }.map(\.event)
        #expect(pieces.contains(.io(.stdout, ByteBuffer(string: "inside"))))
    }

    // MARK: - Sessions

    @Test("every request of a session is recorded with its number, and its refusal by that number")
    func requests() async throws {
        let made = try await RecordedScenes.requests("both")
        let size = AuditEvent.Size(columns: 80, rows: 24, width: 640, height: 480)
        let x11 = AuditEvent.X11(
            singleConnection: true,
            authProtocol: "MIT-MAGIC-COOKIE-1",
            cookie: "abcd",
            screen: 1
        )
        func refused(_ number: UInt64) -> AuditEvent {
            .requestFailed(requestID: number, reason: "request refused")
        }
        let expected: [AuditEvent] = [
            .environment(requestID: 0, name: "LANG", value: "C"),
            .terminal(requestID: 1, term: "xterm", size: size, modes: [0]),
            .subsystem(requestID: 2, name: "sftp"), refused(2), .x11Request(requestID: 3, x11),
            .unknownRequest(requestID: 4, type: "auth-agent-req@openssh.com", payload: nil),
            .unknownRequest(requestID: 5, type: "hello@example.org", payload: [1, 2]), refused(5),
            .malformedRequest(
                requestID: 6,
                type: "env",
                payload: [0, 0, 0, 9],
                reason: "the payload does not parse"
            ), refused(6), .windowChange(requestID: 7, size: .init(columns: 100, rows: 30)),
            .signal(requestID: 8, name: "INT"),
            .unknownRequest(requestID: 9, type: "break", payload: [0, 0, 1, 0xF4]),
            .exec(requestID: 10, program: "refused"), refused(10),
            .exec(requestID: 11, program: "both"),
        ]
        let seen = made.events.filter {
            (400...409).contains($0.kind.number) || $0.kind.number == 501
        }
        #expect(seen == expected)
        #expect(made.events(496...499) == [.closeWrite, .exit(status: 3), .close])
        let ids = Set(made.messages.filter { $0.event.kind.number >= 300 }.map(\.channelID))
        #expect(ids.count == 1 && !ids.contains(nil))
    }

    @Test("a shell is recorded as one, and an end by a signal with its words")
    func shellAndSignal() async throws {
        let shell = try await RecordedScenes.requests("shell")
        #expect(shell.events.contains(.shell(requestID: 11)))
        let killed = try await RecordedScenes.requests("signal")
        let end = AuditEvent.exitSignal(
            name: "TERM",
            coreDumped: false,
            message: "ended",
            languageTag: ""
        )
        #expect(killed.events(496...499) == [.closeWrite, end, .close])
    }

    @Test("each stream has a switch of its own", arguments: 0..<8)
    func streams(bits: Int) async throws {
        var intercept = AuditInterceptConfig()
        intercept.stdin = bits & 1 != 0
        intercept.stdout = bits & 2 != 0
        intercept.stderr = bits & 4 != 0
        let made = try await RecordedScenes.streams(intercept)
        #expect(made.stream(.stdin) == (intercept.stdin ? "typed\n" : ""))
        #expect(made.stream(.stdout) == (intercept.stdout ? "typed\nto stdout\n" : ""))
        #expect(made.stream(.stderr) == (intercept.stderr ? "to stderr\n" : ""))
    }

    @Test("together these connections leave every message of the format behind")
    func everyMessage() async throws {
        var intercept = AuditInterceptConfig()
        intercept.stdout = true
        let key = try SSHPrivateKey.generateEd25519()
        let other = try SSHPrivateKey.generateEd25519()
        let scenes = [
            try await RecordedScenes.passwords(["wrong", "right"]),
            try await RecordedScenes.passwords(["down"]),
            try await RecordedScenes.keys([other, key]),
            try await RecordedScenes.keys([key], isDown: true),
            try await RecordedScenes.questions(["wrong", "right"]),
            try await RecordedScenes.questions(["down"]),
            try await RecordedScenes.globalRequests(), try await RecordedScenes.channels(),
            try await RecordedScenes.requests("shell"), try await RecordedScenes.requests("signal"),
            try await RecordedScenes.requests("both"), try await RecordedScenes.streams(intercept),
        ]
        let format = Set<Int32>([0, 1, 198, 199]).union(100...111).union(200...205)
            .union(300...307).union(400...409).union(496...501)
        #expect(Set(scenes.flatMap(\.types)) == format)
        for scene in scenes {
            #expect(scene.types.first == 0 && scene.types.last == 1)
            #expect(scene.types.filter { $0 == 1 }.count == 1)
        }
    }
}
