import GatewayCore
import NIOCore
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization

/// One connection's use of a program that may outlive it: losing the connection does not end it.
final class KeptProgram: Program {
    let screen: KeptScreen
    /// Called once, when the connection leaves a program that goes on.
    private let whenLeft: @Sendable (KeptProgram) -> Void
    private let left = Latch<Void>()
    private let first: Mutex<ByteBuffer?>

    private static let longestPiece = 128 << 10

    /// `first` is shown before anything else.
    init(
        _ screen: KeptScreen,
        first: ByteBuffer?,
        whenLeft: @escaping @Sendable (KeptProgram) -> Void
    ) {
        self.screen = screen
        self.whenLeft = whenLeft
        self.first = Mutex(first)
    }

    var tellsInput: Bool { screen.program.tellsInput }

    func nextOutput() async throws -> ProgramOutput? {
        guard !left.isSettled else { return nil }
        if let piece = takeFirst() { return ProgramOutput(stream: .stdout, bytes: piece) }
        let output = try await screen.program.nextOutput()
        if let output { screen.note(output) }
        return output
    }

    private func takeFirst() -> ByteBuffer? {
        first.withLock { first in
            guard let count = first?.readableBytes, count > 0 else { return nil }
            return first?.readSlice(length: min(count, Self.longestPiece))
        }
    }

    func write(_ bytes: ByteBuffer) async throws -> Bool {
        guard !left.isSettled else { return false }
        return try await screen.program.write(bytes)
    }

    /// With a terminal nothing happens.
    func closeInput() async {}
    func closeOutput() async {}

    func resize(_ size: WindowSize) async throws {
        guard !left.isSettled else { return }
        try await screen.program.resize(size)
    }

    func sendBreak(milliseconds: UInt32) async throws {
        guard !left.isSettled else { return }
        try await screen.program.sendBreak(milliseconds: milliseconds)
    }

    /// A hang-up is what this program outlives.
    func signal(_ name: String) async throws {
        guard name != "HUP" else { return leave() }
        try await screen.program.signal(name)
    }

    /// For this connection a program that it has left ended by a hang-up.
    func exit() async throws -> ProgramExit {
        do {
            let exit = try await withThrowingTaskGroup(of: ProgramExit?.self) { group in
                group.addTask { try await self.screen.program.exit() }
                group.addTask {
                    try await self.left.value()
                    return nil
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            guard let exit else { return .signal(name: "HUP", coreDumped: false, message: "") }
            screen.noteExit()
            return exit
        } catch let error as CancellationError {
            throw error
        } catch {
            screen.noteExit()
            throw error
        }
    }

    func terminate() async {
        guard !screen.isOver else { return await screen.program.terminate() }
        leave()
    }

    private func leave() {
        guard !left.isSettled else { return }
        left.settle(.success(()))
        whenLeft(self)
    }
}
