import GatewayCore
import NIOCore
import SharedMessages
import SharedSSH
import Synchronization

/// A program whose container ends with it.
final class SessionProgram: Program {
    private let program: any Program
    private let container: any ContainerWorkspace
    private let ending: ContainerEnding
    private let state = Mutex(State())

    private struct State {
        var hasExited = false
        var isOver = false
        var end: Task<Void, Never>?
    }

    init(program: any Program, container: any ContainerWorkspace, ending: ContainerEnding) {
        self.program = program
        self.container = container
        self.ending = ending
    }

    /// Whether its container is gone.
    var isOver: Bool { state.withLock { $0.isOver } }

    var tellsInput: Bool { program.tellsInput }

    func nextOutput() async throws -> ProgramOutput? { try await program.nextOutput() }
    func write(_ bytes: ByteBuffer) async throws -> Bool { try await program.write(bytes) }
    func closeInput() async { await program.closeInput() }
    func closeOutput() async { await program.closeOutput() }
    func resize(_ size: WindowSize) async throws { try await program.resize(size) }
    func signal(_ name: String) async throws { try await program.signal(name) }

    func sendBreak(milliseconds: UInt32) async throws {
        try await program.sendBreak(milliseconds: milliseconds)
    }

    func exit() async throws -> ProgramExit {
        let exit = try await program.exit()
        state.withLock { $0.hasExited = true }
        return exit
    }

    /// Kills the container of a program that still runs; stops it, with time for what the program
    /// left behind, otherwise.
    func terminate() async {
        let task = state.withLock { state in
            let hasExited = state.hasExited
            let task = state.end ?? Task { await self.finish(hasExited: hasExited) }
            state.end = task
            return task
        }
        await task.value
    }

    private func finish(hasExited: Bool) async {
        if hasExited {
            await ending.stop(container.containerID)
        } else {
            await ending.kill(container.containerID)
        }
        await container.close()
        await program.terminate()
        state.withLock { $0.isOver = true }
    }
}
