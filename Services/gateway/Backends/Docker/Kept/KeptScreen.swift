import GatewayCore
import NIOCore
import SharedAudit
import SharedSSH
import Synchronization

/// A program with a terminal that outlives the connection which started it, and what its terminal
/// shows.
final class KeptScreen: Sendable {
    let program: any Program
    let kind: ProgramRequest.Kind
    private let state = Mutex(State())

    private struct State {
        var tail = ScreenTail()
        var hasExited = false
        var reading: Task<Void, Never>?
    }

    /// So that a program sees that its terminal has another size for a moment, and draws.
    private static let blink = Duration.milliseconds(100)

    init(_ program: any Program, _ kind: ProgramRequest.Kind) {
        self.program = program
        self.kind = kind
    }

    /// Whether the program has ended.
    var isOver: Bool { state.withLock(\.hasExited) }

    func noteExit() { state.withLock { $0.hasExited = true } }

    func note(_ output: ProgramOutput) {
        guard output.input == nil else { return }
        state.withLock { $0.tail.write(output.bytes) }
    }

    /// Reads on without anybody who looks, so that the program does not have to wait.
    func beginReading() {
        let reading = Task {
            do {
                while let output = try await program.nextOutput() { note(output) }
                noteExit()
            } catch is CancellationError {
                // Somebody looks again.
            } catch {
                noteExit()
            }
        }
        state.withLock { $0.reading = reading }
    }

    private func endReading() async {
        let reading = state.withLock { $0.reading.take() }
        reading?.cancel()
        await reading?.value
    }

    /// What a terminal is to be sent that shows the program from now on; `nil` if it has ended.
    func attach(_ size: WindowSize) async -> ByteBuffer? {
        await endReading()
        guard !isOver else { return nil }
        do {
            // Programs that fill the screen draw it anew, for this size; the others have written
            // what follows.
            var other = size
            other.rows = size.rows > 1 ? size.rows - 1 : size.rows + 1
            try await program.resize(other)
            try await Task.sleep(for: Self.blink)
            try await program.resize(size)
        } catch {
            return nil
        }
        return state.withLock { $0.tail.replay() }
    }

    /// As a terminal line that drops.
    func hangUp() async {
        // A program that is gone already needs no signal.
        try? await program.signal("HUP")
        await withTaskGroup(of: Void.self) { group in
            // Not to be learned is as good as over.
            group.addTask { _ = try? await self.program.exit() }
            // Cancelled when the program ends in time.
            group.addTask { try? await Task.sleep(for: .seconds(1)) }
            await group.next()
            group.cancelAll()
        }
        await program.terminate()
        await endReading()
    }
}
