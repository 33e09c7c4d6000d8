import CProcess
import GatewayCore
import NIOCore
import SharedMessages
import SharedSSH
import Synchronization
import SharedWaiting
import SharedSystem

/// A program inside a sandbox.
final class SandboxProgram: Program {
    private let holder: Holder
    private let launch: Holder.Launch
    private let streams: ProgramStreams
    /// The master, for its size; `nil` without a terminal.
    private let terminal: Descriptor?
    let tellsInput: Bool

    /// Names it among the programs of its sandbox.
    var id: UInt32 { launch.id }

    /// Whether it has ended and its output too.
    var isOver: Bool { launch.exited.isSettled && streams.output.isAtEnd }

    init(
        holder: Holder,
        launch: Holder.Launch,
        streams: ProgramStreams,
        terminal: Descriptor?,
        tellsInput: Bool
    ) {
        self.holder = holder
        self.launch = launch
        self.streams = streams
        self.terminal = terminal
        self.tellsInput = tellsInput && terminal != nil
    }

    func nextOutput() async throws -> ProgramOutput? { try await streams.output.next() }

    func write(_ bytes: ByteBuffer) async throws -> Bool {
        if tellsInput, let terminal {
            // Told before the terminal has them, so that what it echoes comes after.
            let isHidden = berth_hides_input(terminal.number) != 0
            streams.output.note(TypedInput(count: bytes.readableBytes, isHidden: isHidden))
        }
        let taken = Latch<Bool>()
        streams.input.writeAndFlush(bytes).whenComplete { result in
            switch result {
            case .success: taken.settle(.success(true))
            // Nobody reads any more: dropped, as the protocol says.
            case .failure: taken.settle(.success(false))
            }
        }
        return try await taken.value()
    }

    func closeOutput() async {
        guard terminal == nil else { return }
        await streams.closeOutputs()
    }

    func sendBreak(milliseconds: UInt32) async throws {
        guard let terminal else { throw OperationUnsupported(operation: "break without terminal") }
        let error = berth_break(terminal.number)
        guard error == 0 else { throw SystemFailure("break", error) }
    }

    func closeInput() async {
        guard terminal == nil else { return }
        // Behind whatever is still being written.
        streams.input.writeAndFlush(ByteBuffer()).whenComplete { [input = streams.input] _ in
            input.close(promise: nil)
        }
    }

    func resize(_ size: WindowSize) async throws {
        guard let terminal else { throw OperationUnsupported(operation: "resize without terminal") }
        let error = berth_resize(
            terminal.number,
            UInt16(clamping: size.rows),
            UInt16(clamping: size.columns),
            UInt16(clamping: size.pixelWidth),
            UInt16(clamping: size.pixelHeight)
        )
        guard error == 0 else { throw SystemFailure("TIOCSWINSZ", error) }
    }

    func signal(_ name: String) async throws {
        guard let number = SignalNames.number(of: name) else {
            throw CodedError(.sandboxSignalFailed, detail: "unknown signal \(name)")
        }
        guard !launch.exited.isSettled else {
            throw CodedError(.sandboxSignalFailed, detail: "the program has ended")
        }
        try holder.signal(launch.id, number)
    }

    func exit() async throws -> ProgramExit {
        let status = try await launch.exited.value()
        guard berth_exited(status) == 0 else {
            return .status(UInt32(bitPattern: berth_exit_status(status)))
        }
        return .signal(
            name: SignalNames.name(of: berth_term_signal(status)),
            coreDumped: berth_core_dumped(status) != 0,
            message: ""
        )
    }

    func terminate() async {
        if !launch.exited.isSettled {
            // Fails only when the whole sandbox is gone, and the program with it.
            try? holder.signal(launch.id, SignalNames.kill)
        }
        terminal?.close()
        await streams.close()
    }
}
