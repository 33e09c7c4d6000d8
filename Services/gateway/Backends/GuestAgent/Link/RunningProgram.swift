import GatewayCore
import NIOCore
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// A program that an agent runs.
final class RunningProgram: Program {
    private let id: AgentID
    private let hasTerminal: Bool
    let tellsInput: Bool
    /// Whether somebody on our side wanted its end.
    private let isEndOurs = Mutex(false)

    private static let errorChannel: UInt8 = 2

    init(id: AgentID, hasTerminal: Bool, tellsInput: Bool) {
        self.id = id
        self.hasTerminal = hasTerminal
        self.tellsInput = tellsInput
    }

    /// Its own in the link.
    var number: UInt32 { id.number }

    func nextOutput() async throws -> ProgramOutput? {
        guard let piece = try await id.receive() else { return nil }
        if let input = piece.input { return ProgramOutput(input) }
        let stream: OutputStream = piece.channel == Self.errorChannel ? .stderr : .stdout
        return ProgramOutput(stream: stream, bytes: piece.bytes)
    }

    func write(_ bytes: ByteBuffer) async throws -> Bool {
        do {
            try await id.send(bytes)
            return try id.link.change { [number = id.number] machine in
                machine.items[number].map { !$0.isOver && !$0.closeReceived } ?? false
            }
        } catch is CodedError {
            // The agent is gone, and whoever read with it.
            return false
        }
    }

    func closeInput() async {
        guard !hasTerminal else { return }
        id.sendEnd()
    }

    /// With an agent that does not know how to close one direction, what comes is dropped.
    func closeOutput() async {
        guard !hasTerminal else { return }
        // A link that has ended brings nothing more.
        try? id.link.change { [number = id.number] machine in machine.endOutput(number) }
    }

    func sendBreak(milliseconds: UInt32) async throws {
        guard hasTerminal else { throw OperationUnsupported(operation: "break without terminal") }
        try id.link.change { [number = id.number] machine in
            guard machine.canBreak else { throw OperationUnsupported(operation: "break") }
            var frame = FrameWriter(FrameKind.breakSignal, number)
            frame.integer(milliseconds)
            machine.send(frame)
        }
    }

    func resize(_ size: WindowSize) async throws {
        guard hasTerminal else { throw OperationUnsupported(operation: "resize without terminal") }
        try id.link.change { [number = id.number] machine in
            var frame = FrameWriter(FrameKind.resize, number)
            size.write(to: &frame)
            machine.send(frame)
        }
    }

    func signal(_ name: String) async throws {
        guard SignalName.isKnown(name) else {
            throw CodedError(.agentSignalFailed, detail: "unknown signal \(name.prefix(20))")
        }
        try id.link.change { [number = id.number] machine in
            guard let item = machine.items[number], item.exit == nil, !item.isOver else {
                throw CodedError(.agentSignalFailed, detail: "the program has ended")
            }
            var frame = FrameWriter(FrameKind.signal, number)
            frame.string(Array(name.utf8))
            machine.send(frame)
        }
        isEndOurs.withLock { $0 = true }
    }

    func exit() async throws -> ProgramExit {
        let exit = try await agentExit()
        if let trouble = await trouble(behind: exit) { throw trouble }
        switch exit.kind {
        case .status: return .status(exit.number)
        case .signal, .signalWithCore:
            return .signal(
                name: SignalName.name(of: exit.number),
                coreDumped: exit.kind == .signalWithCore,
                message: ""
            )
        }
    }

    /// What else has ended than the program, if nobody on our side wanted its end.
    private func trouble(behind exit: AgentExit) async -> CodedError? {
        guard exit.isSudden, !isEndOurs.withLock({ $0 }) else { return nil }
        if exit.isKill, let reason = await id.link.options.reason() { return reason }
        // An agent that is told to stop ends its programs first.
        let end = try? await within(.milliseconds(300), late: CancellationError()) { [id] in
            try await id.link.waitForEnd()
        }
        return end == .lost ? AgentEnd.lost.error : nil
    }

    private func agentExit() async throws -> AgentExit {
        do {
            return try await id.link.wait(for: WaitKey(.exit, id.number)) {
                [number = id.number] machine in
                if let exit = machine.items[number]?.exit { return exit }
                if let end = machine.end { throw end }
                return nil
            }
        } catch let error as CodedError where error.code == .agentLost {
            throw await id.link.options.reason() ?? error
        }
    }

    func terminate() async {
        isEndOurs.withLock { $0 = true }
        id.close()
    }
}

extension AgentExit {
    /// Ended by SIGKILL (signal(7)).
    fileprivate var isKill: Bool { kind != .status && number == 9 }

    /// Ended by SIGHUP, SIGKILL or SIGTERM.
    fileprivate var isSudden: Bool { kind != .status && [1, 9, 15].contains(number) }
}
