import GuestAgent
import NIOCore

/// The gateway's end of a guest agent's link, whose agent may say anything and whose users do
/// anything.
enum Link {
    /// Of all ids: ours, and four times as many accepted connections.
    private static let mostItems = 5 * AgentMachine.mostIDs
    /// No frame is longer (docs/agent-protocol.md).
    private static let longestFrame = 262_144

    static func run(_ input: inout FuzzInput) {
        var machine = AgentMachine()
        var held: [UInt32] = []
        while !input.isEmpty {
            let decision = input.byte()
            if decision & 0x80 != 0 { act(&machine, decision, &held) }
            do {
                try machine.receive(input.message())
            } catch {
                machine.finish(error)
                return end(&machine, held)
            }
            precondition(machine.items.count <= mostItems, "more ids than allowed")
            settle(&machine)
            if decision & 0x40 == 0 { check(machine.takeFrames()) }
        }
    }

    /// What somebody who uses the link may do.
    private static func act(
        _ machine: inout AgentMachine,
        _ decision: UInt8,
        _ held: inout [UInt32]
    ) {
        let kinds: [AgentItem.Kind] = [
            .program(hasTerminal: false), .program(hasTerminal: true), .connection, .listener,
            .file,
        ]
        let number = decision & 15
        if number < 5 {
            // Refused before the greeting, and beyond the most of them.
            guard let id = try? machine.claim(kinds[Int(number)]) else { return }
            if number == 1 { machine.items[id]?.untold = 0 }
            return held.append(id)
        }
        guard let id = decision & 0x10 == 0 ? held.last : held.first else { return }
        switch number {
        case 5, 6:
            // One that has ended takes nothing more.
            _ = try? machine.send(ByteBuffer(repeating: decision, count: 300_000), to: id)
        case 7: machine.sendEnd(id)
        case 8: machine.close(id)
        case 9:
            machine.abandon(id)
            held.removeAll { $0 == id }
        case 10, 11: while machine.takePiece(id) != nil {}
        case 12: machine.discardOutput(id)
        case 13: machine.ping()
        case 14: while machine.takePiece(2) != nil {}
        default: for id in Array(machine.items.keys) { machine.close(id) }
        }
    }

    private static func settle(_ machine: inout AgentMachine) {
        _ = machine.takeLog()
        _ = machine.isBacklogged
        while machine.takeWoken() != nil {}
    }

    /// What was received before an end can be taken afterwards, and nothing is sent.
    private static func end(_ machine: inout AgentMachine, _ held: [UInt32]) {
        for id in held { while machine.takePiece(id) != nil {} }
        _ = machine.takeFrames()
        machine.ping()
        for id in held { machine.abandon(id) }
        precondition(machine.takeFrames().isEmpty, "frames behind the end")
        settle(&machine)
    }

    /// Whole frames, none longer than the agent takes.
    private static func check(_ frames: [ByteBuffer]) {
        var rest = ByteBuffer()
        for frame in frames { rest.writeImmutableBuffer(frame) }
        while let length = rest.readInteger(as: UInt32.self) {
            precondition((5...longestFrame).contains(Int(length)), "a frame of \(length) bytes")
            precondition(rest.readSlice(length: Int(length)) != nil, "half a frame")
        }
        precondition(rest.readableBytes == 0, "half a length")
    }
}
