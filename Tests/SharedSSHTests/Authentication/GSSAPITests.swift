import NIOCore
import Testing

@testable import SharedSSH

@Suite("gssapi-with-mic")
struct GSSAPITests {
    typealias Machine = AuthenticationMachineTests

    private static let kerberos: [UInt8] = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2]
    private static let spnego: [UInt8] = [6, 6, 0x2B, 6, 1, 5, 5, 2]

    private static func begin(_ mechanisms: [[UInt8]] = [spnego, kerberos]) -> ByteBuffer {
        Machine.request("gssapi-with-mic") {
            $0.writeInteger(UInt32(mechanisms.count))
            for mechanism in mechanisms { $0.writeSSHString(mechanism) }
        }
    }

    private static func message(_ number: UInt8, _ bytes: [UInt8]) -> ByteBuffer {
        var message = ByteBuffer(bytes: [number])
        message.writeSSHString(bytes)
        return message
    }

    private static let response: AuthenticationMachine.Action = .send(message(60, kerberos))

    private static func refusal(_ methods: [String] = ["publickey"]) -> ByteBuffer {
        var message = ByteBuffer(bytes: [51])
        message.writeSSHNameList(methods)
        message.writeSSHBoolean(false)
        return message
    }

    /// A machine that has chosen the mechanism.
    private static func negotiating(
        _ settings: AuthenticationSettings = AuthenticationSettings()
    ) -> AuthenticationMachine {
        var machine = Machine.machine(settings)
        #expect(machine.received(begin()) == [Machine.ask(.gssapi)])
        #expect(machine.answered(.token(nil)) == [response])
        return machine
    }

    /// What RFC 4462 §3.5 has the client sign.
    private static func proof(_ mic: [UInt8]) -> AuthenticationAttempt.Method {
        var signed = ByteBuffer()
        signed.writeSSHString(Machine.sessionID)
        signed.writeInteger(UInt8(50))
        for text in ["ann", "ssh-connection", "gssapi-with-mic"] { signed.writeSSHString(text) }
        return .gssapiProof(GSSAPIProof(signed: Array(signed.readableBytesView), mic: mic))
    }

    @Test("tokens go to and fro until the proof, which lets the client in")
    func exchange() {
        var machine = Self.negotiating()
        for round in UInt8(1)...3 {
            #expect(
                machine.received(Self.message(61, [round])) == [Machine.ask(.gssapiToken([round]))]
            )
            #expect(machine.answered(.token([round, 9])) == [.send(Self.message(61, [round, 9]))])
        }
        #expect(machine.received(Self.message(66, [7, 7])) == [Machine.ask(Self.proof([7, 7]))])
        let end = machine.answered(.accepted)
        #expect(end == [Machine.success, .succeeded(username: "ann")])
    }

    @Test("a proof that comes with the last token waits for its turn")
    func early() {
        var machine = Self.negotiating()
        _ = machine.received(Self.message(61, [1]))
        #expect(machine.received(Self.message(66, [2])).isEmpty)
        #expect(machine.answered(.token(nil)) == [Machine.ask(Self.proof([2]))])
        #expect(machine.answered(.accepted).first == Machine.success)
    }

    @Test("without a yes to the proof nobody gets in, whatever is said to tokens")
    func noProof() {
        for verdict in [AuthenticationVerdict.accepted, .partial(methods: ["password"])] {
            var machine = Self.negotiating()
            _ = machine.received(Self.message(61, [1]))
            #expect(machine.answered(verdict).first != Machine.success)
            #expect(!machine.isDone)
            var first = Machine.machine()
            _ = first.received(Self.begin())
            #expect(first.answered(verdict).first != Machine.success)
        }
    }

    @Test("a client without Kerberos is asked about as any unknown method")
    func otherMechanisms() {
        var machine = Machine.machine()
        let asked = [Machine.ask(.unsupported("gssapi-with-mic"))]
        #expect(machine.received(Self.begin([Self.spnego])) == asked)
        var second = Machine.machine()
        #expect(second.received(Self.begin([])) == asked)
    }

    @Test(
        "an error of the client's library, and a context without integrity, are failures",
        arguments: [UInt8(63), 65]
    )
    func clientFails(_ number: UInt8) {
        var machine = Self.negotiating()
        let message = number == 63 ? ByteBuffer(bytes: [63]) : Self.message(65, [1])
        let failure = machine.received(message)
        #expect(failure.count == 1)
        guard case .send(let reply) = failure.first else {
            Issue.record("\(failure)")
            return
        }
        #expect(reply.readableBytesView.first == 51)
        // Another attempt is still possible.
        #expect(machine.received(Self.begin()) == [Machine.ask(.gssapi)])
    }

    @Test("another attempt in between takes the place of the exchange, and counts")
    func abandoned() {
        var machine = Self.negotiating(AuthenticationSettings(maximumFailures: 2))
        #expect(machine.received(Self.begin()) == [Machine.ask(.gssapi)])
        #expect(machine.answered(.token(nil)) == [Self.response])
        #expect(machine.received(Self.begin()) == [Machine.tooMany])
    }

    @Test("what waits of an exchange that has failed is dropped")
    func leftovers() {
        var machine = Self.negotiating()
        _ = machine.received(Self.message(61, [1]))
        _ = machine.received(Self.message(66, [2]))
        let refused = machine.answered(.refused(methods: ["publickey"]))
        #expect(refused == [.send(Self.refusal())])
        #expect(machine.received(Self.begin()) == [Machine.ask(.gssapi)])
    }

    @Test("malformed messages end the connection")
    func malformed() {
        let bad: [ByteBuffer] = [
            ByteBuffer(bytes: [61]), ByteBuffer(bytes: [61, 0, 0, 0, 9, 1]),
            ByteBuffer(bytes: [66, 0, 0, 0, 0, 1]),
            Self.message(61, Array(repeating: 0, count: 64 * 1024 + 1)),
        ]
        for message in bad {
            var machine = Self.negotiating()
            guard case .disconnect(let refusal) = machine.received(message).first else {
                Issue.record("not ended by \(message)")
                continue
            }
            #expect(refusal.reason == .protocolError)
        }
        var many = Machine.machine()
        let mechanisms = Array(repeating: Self.kerberos, count: 65)
        guard case .disconnect = many.received(Self.begin(mechanisms)).first else {
            Issue.record("65 mechanisms")
            return
        }
    }

    @Test("tokens outside an exchange end the connection; a flood of them does, too")
    func outside() {
        var machine = Machine.machine()
        guard case .disconnect = machine.received(Self.message(61, [1])).first else {
            Issue.record("a token before the method")
            return
        }
        var flooded = Self.negotiating()
        _ = flooded.received(Self.message(61, [1]))
        var isEnded = false
        for _ in 0..<20 where !isEnded {
            if case .disconnect = flooded.received(Self.message(61, [1])).first { isEnded = true }
        }
        #expect(isEnded)
    }

    @Test("steps are bounded like all requests")
    func bounded() {
        var machine = Self.negotiating(AuthenticationSettings(maximumRequests: 10))
        var isEnded = false
        for round in 0..<20 where !isEnded {
            let actions = machine.received(Self.message(61, [UInt8(round)]))
            if actions == [Machine.tooMany] { isEnded = true }
            _ = machine.answered(.token([1]))
        }
        #expect(isEnded)
    }
}
