import NIOCore
import SSHTestServer
import SharedAudit
import SharedConfig
import SharedSSH

@testable import GatewayCore

/// Connections that together do everything of which the format has a message.
enum RecordedScenes {
    static let secret = "correct-horse"
    static let unavailable = ServerRefusal(reason: .byApplication, text: "authd is away")

    /// Refused with the word "wrong", an outage with "down", welcome with anything else.
    static func verdict(_ bytes: [UInt8]) -> AuthenticationVerdict {
        switch String(decoding: bytes, as: UTF8.self) {
        case "wrong": .refused(methods: ["password", "publickey", "keyboard-interactive"])
        case "down": .disconnect(unavailable)
        default: .accepted
        }
    }

    /// Gives those passwords one after the other.
    static func passwords(
        _ passwords: [String],
        intercepted: Bool = false
    ) async throws -> RealRecording {
        var behaviour = TestBehaviour()
        behaviour.authenticate = { attempt in
            guard case .password(let bytes) = attempt.method else {
                return .refused(methods: ["password"])
            }
            return verdict(bytes)
        }
        var intercept = AuditInterceptConfig()
        intercept.passwords = intercepted
        return try await RealRecording.made(behaviour, intercept: intercept) { client, _ in
            for password in passwords {
                // The connection may end with it.
                _ = try? await client.authenticate("dev", .password(password))
            }
        }
    }

    /// Asks for a code; the answer to the second question decides, as a password does.
    static func questions(
        _ answers: [String],
        intercepted: Bool = false
    ) async throws -> RealRecording {
        let challenge = KeyboardChallenge(
            instruction: "Prove it",
            prompts: [.init("Name: ", echo: true), .init("Code: ", echo: false)]
        )
        var behaviour = TestBehaviour()
        behaviour.authenticate = { attempt in
            guard case .keyboardInteractiveAnswers(let given) = attempt.method else {
                return .challenge(challenge)
            }
            return verdict(given.last ?? [])
        }
        var intercept = AuditInterceptConfig()
        intercept.passwords = intercepted
        return try await RealRecording.made(behaviour, intercept: intercept) { client, _ in
            for answer in answers {
                _ = try await client.authenticate("dev", .keyboardInteractive())
                _ = try? await client.answer(["Jo", answer])
            }
        }
    }

    /// Offers keys: one that is refused, one that is welcome, and one of an outage.
    static func keys(_ keys: [SSHPrivateKey], isDown: Bool = false) async throws -> RealRecording {
        let welcome = keys.last?.publicKey.blob
        var behaviour = TestBehaviour()
        behaviour.authenticate = { attempt in
            switch attempt.method {
            case .publicKeyProbe(let key), .publicKey(let key):
                isDown
                    ? .disconnect(unavailable)
                    : key.blob == welcome ? .accepted : .refused(methods: ["publickey"])
            default: .refused(methods: ["publickey"])
            }
        }
        return try await RealRecording.made(behaviour) { client, _ in
            for key in keys {
                let probe = ClientCredential.publicKeyProbe(key.publicKey, .ed25519)
                guard case .keyAcceptable? = try? await client.authenticate("dev", probe) else {
                    continue
                }
                _ = try await client.authenticate("dev", .publicKey(key, .ed25519))
            }
        }
    }

    /// Global requests: unknown, malformed, and places to listen, granted and refused.
    static func globalRequests() async throws -> RealRecording {
        var behaviour = TestBehaviour()
        behaviour.listen = {
            $0 == .tcp(host: "", port: 22) ? .refused(text: "not there") : .listening(port: 7)
        }
        behaviour.cancelListen = { $0 != .tcp(host: "", port: 22) }
        return try await RealRecording.made(behaviour) { client, _ in
            _ = try await client.authenticate("dev", .password("x"))
            try await client.keepalive()
            _ = try await client.globalRequest("hello@example.org", ByteBuffer(string: "who?"))
            _ = try await client.globalRequest("tcpip-forward", ByteBuffer(bytes: [0, 0, 0, 9]))
            _ = try await client.globalRequest("container@berth")
            let places: [ForwardAddress] = [
                .tcp(host: "localhost", port: 7), .tcp(host: "", port: 22),
                .unixSocket(path: "/run/x"),
            ]
            for place in places {
                _ = try await client.listen(place)
                _ = try await client.cancelListen(place)
            }
        }
    }

    /// Opens channels of every kind, welcome and not.
    static func channels(forwarding: Bool = false) async throws -> RealRecording {
        var behaviour = TestBehaviour()
        behaviour.openSession = { $0 > 1 ? (.resourceShortage, "too many") : nil }
        behaviour.openForward = { channel, target in
            if case .tcp(host: "no", _, _) = target { return .refused(.connectFailed, text: "no") }
            return .accepted(EchoForward(channel))
        }
        var intercept = AuditInterceptConfig()
        intercept.forwarding = forwarding
        return try await RealRecording.made(behaviour, intercept: intercept) { client, control in
            _ = try await client.authenticate("dev", .password("x"))
            let first = try await client.openSession()
            let origin = ForwardOrigin(host: "127.0.0.1", port: 5)
            for target in [
                ForwardTarget.tcp(host: "yes", port: 80, originator: origin),
                .unixSocket(path: "/run/y"),
            ] {
                let channel = try await client.connect(to: target)
                try await channel.write(ByteBuffer(string: "ping"))
                await channel.sendEOF()
                _ = try await channel.collect()
                _ = await channel.exit()
            }
            // These are refused.
            _ = try? await client.openSession()
            let refused = ForwardTarget.tcp(host: "no", port: 80, originator: origin)
            _ = try? await client.connect(to: refused)
            _ = try? await client.openChannel(type: "tun@openssh.com")
            let broken = ByteBuffer(bytes: [0, 0, 0, 9])
            _ = try? await client.openChannel(type: "direct-tcpip", payload: broken)
            for opening in [
                ServerChannelOpening.forwardedTCP(host: "", port: 7, originator: origin),
                .forwardedUnixSocket(path: "/run/x"), .x11(originator: origin), .agent,
            ] {
                let channel = try await control.openChannel(opening)
                let arrival = try await client.nextChannel()
                try await channel.write(ByteBuffer(string: "inside"))
                _ = try await arrival.channel.read()
                try await arrival.channel.write(ByteBuffer(string: "outside"))
                _ = try await channel.read()
                await channel.close()
                _ = await arrival.channel.exit()
            }
            await first.close()
        }
    }

    /// Makes every request that a session has, and runs `program`.
    static func requests(_ program: String) async throws -> RealRecording {
        try await RealRecording.made { client, _ in
            _ = try await client.authenticate("dev", .password("x"))
            let session = try await client.openSession()
            let size = WindowSize(columns: 80, rows: 24, pixelWidth: 640, pixelHeight: 480)
            let requests: [SessionRequest] = [
                .environment(name: "LANG", value: "C"),
                .pty(PTYRequest(term: "xterm", size: size, modes: [0])), .subsystem(name: "sftp"),
                .x11(
                    X11Request(
                        isSingleConnection: true,
                        protocolName: "MIT-MAGIC-COOKIE-1",
                        cookie: "abcd",
                        screen: 1
                    )
                ), .agentForwarding,
                .unsupported(type: "hello@example.org", payload: ByteBuffer(bytes: [1, 2])),
                .malformed(type: "env", payload: ByteBuffer(bytes: [0, 0, 0, 9])),
                .windowChange(WindowSize(columns: 100, rows: 30)), .signal(name: "INT"),
                .breakSignal(milliseconds: 500), .exec(command: "refused"),
                program == "shell" ? .shell : .exec(command: RawText(program)),
            ]
            for request in requests {
                let wantsReply = request.typeName != "window-change" && request.typeName != "signal"
                _ = try await session.request(request, wantsReply: wantsReply)
            }
            await session.sendEOF()
            _ = await session.exit()
        }
    }

    /// `cat` gets a line, `both` writes to both streams.
    static func streams(_ intercept: AuditInterceptConfig) async throws -> RealRecording {
        try await RealRecording.made(intercept: intercept) { client, _ in
            _ = try await client.authenticate("dev", .password("x"))
            let cat = try await client.openSession()
            _ = try await cat.request(.exec(command: "cat"))
            try await cat.write(ByteBuffer(string: "typed\n"))
            await cat.sendEOF()
            _ = try await cat.collect()
            let both = try await client.openSession()
            _ = try await both.request(.exec(command: "both"))
            _ = try await both.collect()
            _ = await both.exit()
        }
    }
}
