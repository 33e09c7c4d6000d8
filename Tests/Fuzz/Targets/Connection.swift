import NIOCore
import SharedSSH

/// The connection protocol of a server whose handler decides anything.
enum Connection {
    static func run(_ input: inout FuzzInput) {
        let limits = ConnectionLimits()
        var machine = ConnectionMachine(role: .server, limits: limits)
        var ticket: UInt64 = 0
        while !input.isEmpty {
            let decision = input.byte()
            if decision & 0x80 != 0 { act(&machine, decision, &ticket) }
            let event = machine.received(input.message())
            if case .violation = event { return }
            answer(&machine, event, decision)
            _ = machine.takeSettledWrites()
            drain(&machine, atMost: Int(decision))
            precondition(machine.channelCount <= limits.channels + 4, "more channels than allowed")
        }
    }

    /// What a handler does by itself.
    private static func act(
        _ machine: inout ConnectionMachine,
        _ decision: UInt8,
        _ ticket: inout UInt64
    ) {
        let number = UInt32(decision & 3)
        ticket += 1
        switch decision >> 2 & 7 {
        case 0:
            let bytes = ByteBuffer(repeating: decision, count: 5000)
            _ = machine.enqueue(number, .data(bytes, .stdout, ticket: ticket))
        case 1: _ = machine.enqueue(number, .exit(.status(UInt32(decision))))
        case 2: _ = machine.enqueue(number, .eof)
        case 3: _ = machine.enqueue(number, .close)
        case 4: machine.withdraw(number, ticket: ticket &- 1)
        case 5: if machine.channelCount < 4 { _ = machine.open(type: "forwarded-tcpip") }
        case 6: machine.consumed(number, Int(decision))
        default:
            machine.sendGlobalRequest(
                GlobalRequest(
                    type: "keepalive@openssh.com",
                    payload: ByteBuffer(),
                    wantsReply: true
                )
            )
        }
    }

    private static func answer(
        _ machine: inout ConnectionMachine,
        _ event: ConnectionEvent,
        _ decision: UInt8
    ) {
        let agrees = decision & 1 == 0
        switch event {
        case .openRequested(let number, _):
            if agrees {
                _ = machine.acceptOpen(number)
            } else {
                machine.refuseOpen(number, .connectFailed, text: "no")
            }
        case .unsupportedOpen, .malformedOpen: machine.acknowledgeRefusedOpen()
        case .data(let number, _, let bytes):
            if agrees { machine.consumed(number, bytes.readableBytes) }
        case .request(let number, let request):
            _ = SessionRequest(request)
            machine.answerRequest(number, success: agrees)
        case .globalRequest:
            machine.answerGlobalRequest(agrees ? .success(ByteBuffer()) : .failure)
        default: break
        }
    }

    private static func drain(_ machine: inout ConnectionMachine, atMost count: Int) {
        for _ in 0..<count {
            guard let message = machine.nextOutgoing(dataAllowed: true) else { return }
            var wire = ByteBuffer()
            message.write(into: &wire)
        }
    }
}
