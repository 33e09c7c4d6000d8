import NIOCore
import SSHTestServer
import Testing

@testable import SharedSSH

@Suite("Keyboard-interactive")
struct KeyboardInteractiveTests {
    typealias Machine = AuthenticationMachineTests

    static let challenge = KeyboardChallenge(
        name: "Two steps",
        instruction: "First this.\nThen that.",
        prompts: [.init("Password: ", echo: false), .init("Code: ", echo: true)]
    )

    static func begin(devices: String = "") -> ByteBuffer {
        Machine.request("keyboard-interactive") {
            $0.writeSSHString("")
            $0.writeSSHString(devices)
        }
    }

    /// A machine whose client has been asked `challenge`.
    static func challenged(
        _ settings: AuthenticationSettings = AuthenticationSettings()
    ) -> AuthenticationMachine {
        var machine = Machine.machine(settings)
        _ = machine.received(begin())
        #expect(machine.answered(.challenge(challenge)) == [.send(challenge.message)])
        return machine
    }

    @Test("questions have the form of RFC 4256 §3.2")
    func form() {
        let challenge = KeyboardChallenge(
            name: "n",
            instruction: "i",
            prompts: [.init("p", echo: true), .init("q", echo: false)]
        )
        let bytes: [UInt8] =
            [60, 0, 0, 0, 1, 0x6E, 0, 0, 0, 1, 0x69, 0, 0, 0, 0, 0, 0, 0, 2]
            + [0, 0, 0, 1, 0x70, 1, 0, 0, 0, 1, 0x71, 0]
        #expect(challenge.message == ByteBuffer(bytes: bytes))
    }

    @Test("rounds follow one another until a verdict; the hint of devices is passed on")
    func rounds() {
        var machine = Machine.machine()
        #expect(
            machine.received(Self.begin(devices: "otp"))
                == [Machine.ask(.keyboardInteractive(devices: "otp"))]
        )
        for round in 0..<5 {
            let next = KeyboardChallenge(prompts: [.init("\(round)? ", echo: true)])
            #expect(machine.answered(.challenge(next)) == [.send(next.message)])
            #expect(
                machine.received(KeyboardChallenge.response(["\(round)!"]))
                    == [Machine.ask(.keyboardInteractiveAnswers([Array("\(round)!".utf8)]))]
            )
        }
        #expect(machine.answered(.accepted) == [Machine.success, .succeeded(username: "ann")])
    }

    @Test("a round without prompts is answered without answers")
    func noPrompts() {
        var machine = Machine.machine()
        _ = machine.received(Self.begin())
        _ = machine.answered(.challenge(KeyboardChallenge(instruction: "Open the page.")))
        #expect(
            machine.received(KeyboardChallenge.response([]))
                == [Machine.ask(.keyboardInteractiveAnswers([]))]
        )
    }

    @Test("another number of answers than prompts is a failure", arguments: [0, 1, 3])
    func wrongCount(count: Int) {
        var machine = Self.challenged()
        let response = KeyboardChallenge.response([String](repeating: "x", count: count))
        #expect(machine.received(response) == [Machine.failure(Machine.defaults)])
        #expect(machine.received(Machine.request("none")).count == 1)
    }

    @Test("an answer longer than 4 KiB ends the connection")
    func longAnswer() {
        var machine = Self.challenged()
        let long = String(repeating: "x", count: 4097)
        guard case .disconnect = machine.received(KeyboardChallenge.response([long, ""])).first
        else {
            Issue.record("taken")
            return
        }
    }

    @Test("answers cut at any byte, or followed by one, never reach the handler")
    func truncated() {
        let whole = KeyboardChallenge.response(["secret", "123456"])
        let bytes = Array(whole.readableBytesView)
        let cuts = (1..<bytes.count).map { Array(bytes[..<$0]) } + [bytes + [0]]
        for cut in cuts {
            var machine = Self.challenged()
            for action in machine.received(ByteBuffer(bytes: cut)) {
                if case .ask = action { Issue.record("taken at \(cut.count)") }
            }
        }
    }

    @Test("another attempt instead of answers abandons the round, which counts")
    func abandoned() {
        var machine = Self.challenged(AuthenticationSettings(maximumFailures: 2))
        #expect(
            machine.received(Machine.password("pw"))
                == [Machine.ask(.password(Array("pw".utf8)))]
        )
        #expect(machine.answered(.refused(methods: ["password"])) == [Machine.tooMany])
    }

    @Test("an abandoned round that was the last try ends the connection")
    func abandonedAtTheEnd() {
        var machine = Self.challenged(AuthenticationSettings(maximumFailures: 1))
        #expect(machine.received(Machine.password("pw")) == [Machine.tooMany])
        #expect(machine.received(Machine.password("pw")).isEmpty)
    }

    @Test("a client that has gone on to another method is not asked any more")
    func abandonedBeforeAsked() {
        var machine = Machine.machine()
        _ = machine.received(Self.begin())
        #expect(machine.received(Machine.password("pw")).isEmpty)
        #expect(
            machine.answered(.challenge(Self.challenge))
                == [Machine.ask(.password(Array("pw".utf8)))]
        )
    }

    @Test("answers that nobody asked for end the connection")
    func unsolicited() {
        var machine = Machine.machine()
        guard case .disconnect = machine.received(KeyboardChallenge.response(["x"])).first else {
            Issue.record("taken")
            return
        }
    }

    @Test("a challenge in answer to another method is a refusal")
    func challengeForPassword() {
        var machine = Machine.machine()
        _ = machine.received(Machine.password("pw"))
        #expect(machine.answered(.challenge(Self.challenge)) == [Machine.failure(Machine.defaults)])
    }

    @Test("rounds without end are cut off at the limit of requests")
    func endless() {
        var machine = Machine.machine(AuthenticationSettings(maximumRequests: 10))
        _ = machine.received(Self.begin())
        for _ in 1..<10 {
            _ = machine.answered(.challenge(KeyboardChallenge()))
            #expect(machine.received(KeyboardChallenge.response([])).count == 1)
        }
        _ = machine.answered(.challenge(KeyboardChallenge()))
        #expect(machine.received(KeyboardChallenge.response([])) == [Machine.tooMany])
    }

    @Test("a client answers three rounds over a real connection")
    func overTheWire() async throws {
        var behaviour = TestBehaviour()
        behaviour.authenticate = { attempt in
            switch attempt.method {
            case .keyboardInteractive: .challenge(Self.challenge)
            case .keyboardInteractiveAnswers([Array("pw".utf8), Array("1".utf8)]):
                .challenge(KeyboardChallenge(instruction: "wait"))
            case .keyboardInteractiveAnswers([]):
                .challenge(KeyboardChallenge(prompts: [.init("Sure? ", echo: true)]))
            case .keyboardInteractiveAnswers([Array("yes".utf8)]): .accepted
            default: .refused(methods: ["keyboard-interactive"])
            }
        }
        try await TestServer.run(nil, behaviour) { server in
            let client = try await server.connect()
            #expect(
                try await client.authenticate("ann", .keyboardInteractive())
                    == .challenged(Self.challenge)
            )
            #expect(
                try await client.answer(["pw", "1"])
                    == .challenged(KeyboardChallenge(instruction: "wait"))
            )
            let last = KeyboardChallenge(prompts: [.init("Sure? ", echo: true)])
            #expect(try await client.answer([]) == .challenged(last))
            #expect(try await client.answer(["yes"]) == .authenticated)
            await client.close()
        }
    }
}
