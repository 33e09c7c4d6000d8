import GatewayCore
import NIOCore
import SharedSSH

/// A program whose traffic keeps its container from being stopped.
final class LastingProgram: Program {
    private let program: any Program
    private let use: LastingUse

    init(_ program: any Program, _ use: LastingUse) {
        self.program = program
        self.use = use
    }

    var tellsInput: Bool { program.tellsInput }

    func nextOutput() async throws -> ProgramOutput? {
        let output = try await program.nextOutput()
        use.touch()
        return output
    }

    func write(_ bytes: ByteBuffer) async throws -> Bool {
        use.touch()
        return try await program.write(bytes)
    }

    func closeInput() async { await program.closeInput() }
    func closeOutput() async { await program.closeOutput() }
    func resize(_ size: WindowSize) async throws { try await program.resize(size) }
    func signal(_ name: String) async throws { try await program.signal(name) }

    func sendBreak(milliseconds: UInt32) async throws {
        try await program.sendBreak(milliseconds: milliseconds)
    }

    /// Throws `DOCKER_CONTAINER_IDLE` for one that was ended because nothing happened.
    func exit() async throws -> ProgramExit {
        do {
            let exit = try await program.exit()
            if case .signal(name: "KILL", _, _) = exit, use.isOver { throw use.error }
            return exit
        } catch let error as CancellationError {
            throw error
        } catch {
            throw use.isOver ? use.error : error
        }
    }

    func terminate() async { await program.terminate() }
}

/// A forwarded connection that does the same.
struct LastingStream: WorkspaceStream {
    let stream: any WorkspaceStream
    let use: LastingUse

    func read() async throws -> ByteBuffer? {
        let bytes = try await stream.read()
        use.touch()
        return bytes
    }

    func write(_ bytes: ByteBuffer) async throws {
        use.touch()
        try await stream.write(bytes)
    }

    func closeWrite() async { await stream.closeWrite() }
    func close() async { await stream.close() }
}

/// A place where such connections are accepted.
struct LastingListener: WorkspaceListener {
    let listener: any WorkspaceListener
    let use: LastingUse

    var boundPort: UInt16? { listener.boundPort }
    var environment: [(name: String, value: String)] { listener.environment }

    func accept() async throws -> AcceptedStream? {
        guard var accepted = try await listener.accept() else { return nil }
        use.touch()
        accepted.stream = LastingStream(stream: accepted.stream, use: use)
        return accepted
    }

    func close() async { await listener.close() }
}
