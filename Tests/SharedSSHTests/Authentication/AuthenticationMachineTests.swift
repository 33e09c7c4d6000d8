import NIOCore
import Testing

@testable import SharedSSH

@Suite("The authentication machine")
struct AuthenticationMachineTests {
    typealias Action = AuthenticationMachine.Action

    static let sessionID = [UInt8](repeating: 7, count: 32)

    /// A machine whose client has been granted the service.
    static func machine(
        _ settings: AuthenticationSettings = AuthenticationSettings()
    ) -> AuthenticationMachine {
        var machine = AuthenticationMachine(sessionID: sessionID, settings: settings)
        #expect(machine.received(serviceRequest("ssh-userauth")).count == 1)
        return machine
    }

    static func serviceRequest(_ name: String) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeSSHMessage(.serviceRequest)
        message.writeSSHString(name)
        return message
    }

    static func request(
        _ method: String,
        user: String = "ann",
        service: String = "ssh-connection",
        _ rest: (inout ByteBuffer) -> Void = { _ in }
    ) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeSSHMessage(.userAuthRequest)
        message.writeSSHString(user)
        message.writeSSHString(service)
        message.writeSSHString(method)
        rest(&message)
        return message
    }

    static func password(_ text: String, user: String = "ann") -> ByteBuffer {
        request("password", user: user) {
            $0.writeSSHBoolean(false)
            $0.writeSSHString(text)
        }
    }

    static func publicKey(
        _ key: SSHPrivateKey,
        algorithm: String = "ssh-ed25519",
        isSigned: Bool,
        sessionID: [UInt8] = sessionID
    ) throws -> ByteBuffer {
        var message = request("publickey") {
            $0.writeSSHBoolean(isSigned)
            $0.writeSSHString(algorithm)
            $0.writeSSHString(key.publicKey.blob)
        }
        guard isSigned else { return message }
        var data = ByteBuffer()
        data.writeSSHString(sessionID)
        data.writeImmutableBuffer(message)
        let bytes = [UInt8](data.readableBytesView)
        message.writeSSHString(try key.signature(over: bytes, algorithm: .ed25519))
        return message
    }

    static func failure(_ methods: [String], partial: Bool = false) -> Action {
        var message = ByteBuffer()
        message.writeSSHMessage(.userAuthFailure)
        message.writeSSHNameList(methods)
        message.writeSSHBoolean(partial)
        return .send(message)
    }

    static func ask(_ method: AuthenticationAttempt.Method, user: String = "ann") -> Action {
        .ask(AuthenticationAttempt(username: user, method: method))
    }

    static let success: Action = .send(ByteBuffer(bytes: [52]))
    static let defaults = ["publickey", "password"]
    static let tooMany: Action = .disconnect(
        ServerRefusal(
            reason: .noMoreAuthenticationMethods,
            text: "Too many authentication failures"
        )
    )

    // MARK: - Service

    @Test("the service is granted by its name and nothing else")
    func service() {
        var machine = AuthenticationMachine(sessionID: [], settings: AuthenticationSettings())
        var accept = ByteBuffer()
        accept.writeSSHMessage(.serviceAccept)
        accept.writeSSHString("ssh-userauth")
        #expect(machine.received(Self.serviceRequest("ssh-userauth")) == [.send(accept)])
        var other = AuthenticationMachine(sessionID: [], settings: AuthenticationSettings())
        guard case .disconnect(let refusal) = other.received(Self.serviceRequest("x")).first else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.reason == .serviceNotAvailable)
        #expect(other.received(Self.serviceRequest("ssh-userauth")).isEmpty)
    }

    @Test("the service may be asked for again before each attempt, but not for ever")
    func serviceAgain() {
        var settings = AuthenticationSettings()
        settings.maximumRequests = 3
        var machine = Self.machine(settings)
        for _ in 0..<3 {
            let actions = machine.received(Self.serviceRequest("ssh-userauth"))
            guard case .send = actions.first else {
                Issue.record("not granted")
                return
            }
        }
        #expect(machine.received(Self.serviceRequest("ssh-userauth")) == [Self.tooMany])
    }

    @Test(
        "what cannot be a user name ends the connection with reason 15",
        arguments: ["", "a\0b", "a\nb", "\u{7f}", "\u{85}", String(repeating: "x", count: 1025)]
    )
    func illegalUserName(_ name: String) {
        var machine = Self.machine()
        let refusal = ServerRefusal(
            reason: .illegalUserName,
            text: "This user name is not allowed."
        )
        #expect(machine.received(Self.request("none", user: name)) == [.disconnect(refusal)])
    }

    @Test("unusual user names are passed on", arguments: ["a+b:c@d", "Zoë", "$(x)", "a b", "😀"])
    func unusualUserName(_ name: String) {
        var machine = Self.machine()
        #expect(machine.received(Self.request("none", user: name)) == [Self.ask(.none, user: name)])
    }

    @Test("a request before the service ends the connection")
    func beforeService() {
        var machine = AuthenticationMachine(sessionID: [], settings: AuthenticationSettings())
        guard case .disconnect = machine.received(Self.request("none")).first else {
            Issue.record("not refused")
            return
        }
    }

    @Test("another service than the connection protocol ends the connection")
    func otherService() {
        var machine = Self.machine()
        guard
            case .disconnect(let refusal) =
                machine.received(Self.request("none", service: "other")).first
        else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.reason == .serviceNotAvailable)
    }

    // MARK: - Attempts

    @Test("a good password succeeds, and what follows is ignored without a word")
    func goodPassword() {
        var machine = Self.machine()
        #expect(machine.received(Self.password("pw")) == [Self.ask(.password(Array("pw".utf8)))])
        #expect(!machine.isDone)
        #expect(machine.answered(.accepted) == [Self.success, .succeeded(username: "ann")])
        #expect(machine.isDone)
        #expect(machine.received(Self.password("again")).isEmpty)
        #expect(machine.answered(.accepted).isEmpty)
    }

    @Test("a password change is told to the handler and refused, with a text, whatever it says")
    func passwordChange() {
        var machine = Self.machine()
        let request = Self.request("password") {
            $0.writeSSHBoolean(true)
            $0.writeSSHString("old")
            $0.writeSSHString("new")
        }
        #expect(machine.received(request) == [Self.ask(.passwordChange)])
        #expect(machine.answered(.accepted) == [Self.failure(Self.defaults)])
        #expect(machine.received(request) == [Self.ask(.passwordChange)])
        let actions = machine.answered(.refused(methods: ["password"], text: "Not here."))
        var banner = ByteBuffer()
        banner.writeSSHMessage(.userAuthBanner)
        banner.writeSSHString("Not here.\r\n")
        banner.writeSSHString("")
        #expect(actions == [.send(banner), Self.failure(["password"])])
    }

    @Test("without a method that is left the connection ends with its reason")
    func noMethods() {
        var machine = Self.machine()
        _ = machine.received(Self.request("none"))
        guard case .disconnect(let refusal) = machine.answered(.refused(methods: [])).last else {
            Issue.record("goes on")
            return
        }
        #expect(refusal.reason == .noMoreAuthenticationMethods)
    }

    @Test("the methods of the last verdict are named")
    func methods() {
        var machine = Self.machine()
        _ = machine.received(Self.request("none"))
        #expect(machine.answered(.refused(methods: ["password"])) == [Self.failure(["password"])])
        _ = machine.received(Self.password("pw"))
        #expect(machine.answered(.accepted).first == Self.success)
    }

    @Test("a partial success names what must follow, and another user may continue")
    func partial() {
        var machine = Self.machine()
        _ = machine.received(Self.password("pw"))
        #expect(
            machine.answered(.partial(methods: ["publickey"]))
                == [Self.failure(["publickey"], partial: true)]
        )
        #expect(
            machine.received(Self.password("x", user: "bob"))
                == [Self.ask(.password([0x78]), user: "bob")]
        )
    }

    @Test("a refusal that disconnects says its reason")
    func disconnect() {
        var machine = Self.machine()
        _ = machine.received(Self.password("pw"))
        let refusal = ServerRefusal(reason: .byApplication, text: "go away")
        #expect(machine.answered(.disconnect(refusal)) == [.disconnect(refusal)])
        #expect(machine.received(Self.password("pw")).isEmpty)
    }

    // MARK: - Keys

    @Test("a probe is answered with the key itself, a signature with success")
    func goodKey() throws {
        let key = try SSHPrivateKey.generateEd25519()
        let offered = OfferedKey(
            algorithm: "ssh-ed25519",
            type: "ssh-ed25519",
            blob: key.publicKey.blob
        )
        var machine = Self.machine()
        let probe = try Self.publicKey(key, isSigned: false)
        #expect(machine.received(probe) == [Self.ask(.publicKeyProbe(offered))])
        var accepted = ByteBuffer()
        accepted.writeSSHMessage(.userAuthMethod60)
        accepted.writeSSHString("ssh-ed25519")
        accepted.writeSSHString(key.publicKey.blob)
        #expect(machine.answered(.accepted) == [.send(accepted)])
        let signed = try Self.publicKey(key, isSigned: true)
        #expect(machine.received(signed) == [Self.ask(.publicKey(offered))])
        #expect(machine.answered(.accepted) == [Self.success, .succeeded(username: "ann")])
    }

    @Test("a signature over another session never succeeds, whatever the handler says")
    func badSignature() throws {
        let key = try SSHPrivateKey.generateEd25519()
        let offered = OfferedKey(
            algorithm: "ssh-ed25519",
            type: "ssh-ed25519",
            blob: key.publicKey.blob
        )
        var machine = Self.machine()
        let signed = try Self.publicKey(key, isSigned: true, sessionID: [1])
        #expect(machine.received(signed) == [Self.ask(.publicKeyBadSignature(offered))])
        #expect(machine.answered(.accepted) == [Self.failure(Self.defaults)])
        _ = machine.received(signed)
        #expect(machine.answered(.partial(methods: ["x"])) == [Self.failure(Self.defaults)])
        #expect(!machine.isDone)
    }

    @Test(
        "a key that cannot be used is told to the handler and refused, whatever it says",
        arguments: [
            ("ssh-rsa", UnusableKeyReason.algorithmNotAccepted),
            ("ssh-dss", .algorithmNotAccepted), ("", .algorithmNotAccepted),
            ("rsa-sha2-512", .wrongType),
            ("ssh-ed25519-cert-v01@openssh.com", .algorithmNotAccepted),
        ]
    )
    func unusableKey(algorithm: String, reason: UnusableKeyReason) throws {
        let key = try SSHPrivateKey.generateEd25519()
        let offered = OfferedKey(
            algorithm: algorithm,
            type: "ssh-ed25519",
            blob: key.publicKey.blob
        )
        for isSigned in [false, true] {
            var machine = Self.machine()
            let request = try Self.publicKey(key, algorithm: algorithm, isSigned: isSigned)
            #expect(machine.received(request) == [Self.ask(.unusableKey(offered, reason))])
            #expect(machine.answered(.accepted) == [Self.failure(Self.defaults)])
        }
    }

    @Test("a blob that is no key is malformed, one of a short RSA key too short")
    func unusableBlob() throws {
        var machine = Self.machine()
        let garbage = Self.request("publickey") {
            $0.writeSSHBoolean(false)
            $0.writeSSHString("ssh-ed25519")
            $0.writeSSHString { $0.writeSSHString("ssh-ed25519") }
        }
        guard case .ask(let attempt) = machine.received(garbage).first,
            case .unusableKey(_, .malformed) = attempt.method
        else {
            Issue.record("taken")
            return
        }
        var other = Self.machine()
        let short = Self.request("publickey") {
            $0.writeSSHBoolean(false)
            $0.writeSSHString("rsa-sha2-256")
            $0.writeSSHString {
                $0.writeSSHString("ssh-rsa")
                $0.writeSSHMPInt([1, 0, 1])
                $0.writeSSHMPInt([0x81] + [UInt8](repeating: 3, count: 127))
            }
        }
        guard case .ask(let attempt) = other.received(short).first,
            case .unusableKey(_, .rsaSize(1024)) = attempt.method
        else {
            Issue.record("taken")
            return
        }
    }

    @Test("an algorithm that is not configured is refused")
    func unconfiguredAlgorithm() throws {
        let key = try SSHPrivateKey.generateEd25519()
        var machine = Self.machine(AuthenticationSettings(userKeyAlgorithms: ["rsa-sha2-512"]))
        let request = try Self.publicKey(key, isSigned: true)
        guard case .ask(let attempt) = machine.received(request).first,
            case .unusableKey(_, .algorithmNotAccepted) = attempt.method
        else {
            Issue.record("taken")
            return
        }
    }

    // MARK: - Limits

    @Test("the first none is free, everything else counts up to the limit")
    func failureLimit() {
        var machine = Self.machine(AuthenticationSettings(maximumFailures: 3))
        _ = machine.received(Self.request("none"))
        #expect(machine.answered(.refused(methods: ["a"])) == [Self.failure(["a"])])
        for _ in 0..<2 {
            _ = machine.received(Self.password("no"))
            #expect(machine.answered(.refused(methods: ["a"])) == [Self.failure(["a"])])
        }
        _ = machine.received(Self.request("none"))
        #expect(machine.answered(.refused(methods: ["a"])) == [Self.tooMany])
    }

    @Test("a refused probe counts, an accepted one does not, yet there is an end to those")
    func probes() throws {
        let key = try SSHPrivateKey.generateEd25519()
        let probe = try Self.publicKey(key, isSigned: false)
        var machine = Self.machine(
            AuthenticationSettings(maximumFailures: 2, maximumRequests: 5)
        )
        for _ in 0..<4 {
            #expect(machine.received(probe).count == 1)
            #expect(machine.answered(.accepted).count == 1)
        }
        _ = machine.received(probe)
        #expect(machine.answered(.refused(methods: ["a"])) == [Self.failure(["a"])])
        #expect(machine.received(probe) == [Self.tooMany])
    }

    @Test("requests that arrive meanwhile are answered in order, and are not too many")
    func pending() {
        var machine = Self.machine(AuthenticationSettings(maximumPending: 2))
        _ = machine.received(Self.password("1"))
        #expect(machine.received(Self.password("2")).isEmpty)
        #expect(machine.received(Self.password("3")).isEmpty)
        #expect(
            machine.answered(.refused(methods: ["a"]))
                == [Self.failure(["a"]), Self.ask(.password(Array("2".utf8)))]
        )
        #expect(machine.received(Self.password("4")).isEmpty)
        guard case .disconnect = machine.received(Self.password("5")).first else {
            Issue.record("not ended")
            return
        }
    }

    // MARK: - Banner

    @Test("the banner is sent once, before the first answer; later lines at once")
    func banner() {
        var machine = AuthenticationMachine(
            sessionID: [],
            settings: AuthenticationSettings(banner: "hello\n")
        )
        #expect(machine.show("early").isEmpty)
        _ = machine.received(Self.serviceRequest("ssh-userauth"))
        #expect(
            machine.received(Self.request("none"))
                == [Self.banner("hello\n"), Self.banner("early\r\n"), Self.ask(.none)]
        )
        #expect(machine.show("wait") == [Self.banner("wait\r\n")])
        #expect(machine.answered(.refused(methods: ["a"])) == [Self.failure(["a"])])
        _ = machine.received(Self.password("x"))
        _ = machine.answered(.accepted)
        #expect(machine.show("late").isEmpty)
    }

    static func banner(_ text: String) -> Action {
        var message = ByteBuffer()
        message.writeSSHMessage(.userAuthBanner)
        message.writeSSHString(text)
        message.writeSSHString("")
        return .send(message)
    }

    // MARK: - Hostile input

    @Test("a request that is cut off anywhere ends the connection or is refused")
    func truncation() throws {
        let key = try SSHPrivateKey.generateEd25519()
        let whole = try Self.publicKey(key, isSigned: true)
        for length in 1..<whole.readableBytes {
            var machine = Self.machine()
            let part = try #require(whole.getSlice(at: 0, length: length))
            for action in machine.received(part) {
                switch action {
                case .disconnect, .send: break
                case .ask, .succeeded: Issue.record("taken at \(length)")
                }
            }
        }
    }

    @Test("no message in any state traps", arguments: [1, 2, 3, 4])
    func fuzz(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let key = try SSHPrivateKey.generateEd25519()
        let seeds = [
            Self.serviceRequest("ssh-userauth"), Self.request("none"), Self.password("x"),
            try Self.publicKey(key, isSigned: false), try Self.publicKey(key, isSigned: true),
            KeyboardInteractiveTests.begin(), KeyboardChallenge.response(["123456"]),
        ]
        let deadline = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < deadline {
            var machine = AuthenticationMachine(
                sessionID: Self.sessionID,
                settings: AuthenticationSettings(banner: "b", maximumFailures: 50)
            )
            for _ in 0..<40 {
                let message = random.mutated(seeds)
                guard machine.received(message).contains(where: \.isQuestion) else { continue }
                let verdicts: [AuthenticationVerdict] = [
                    .refused(methods: ["a"]), .partial(methods: []), .accepted,
                    .challenge(KeyboardChallenge(prompts: [.init("Code", echo: true)])),
                ]
                _ = machine.answered(verdicts[Int.random(in: 0..<4, using: &random)])
            }
        }
    }
}

extension AuthenticationMachine.Action {
    fileprivate var isQuestion: Bool {
        if case .ask = self { true } else { false }
    }
}
