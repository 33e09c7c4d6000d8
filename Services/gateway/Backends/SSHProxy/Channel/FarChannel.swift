import DequeModule
import GatewayCore
import NIOCore
import SharedSSH
import SharedWaiting
import Synchronization

/// One channel to the target: what came and nobody has taken yet, and how much is on its way there.
///
/// Both are bounded: what comes by the channel's window, as taken bytes alone are given back to
/// the target; what goes by `writeAhead`.
final class FarChannel: Sendable {
    enum Kind {
        case session(hasTerminal: Bool)
        case stream
    }

    private struct State {
        var pieces: Deque<ProgramOutput> = []
        /// Taken, and not yet given back to the window.
        var taken = 0
        /// Nothing more comes.
        var isInputOver = false
        var reader: CheckedContinuation<ProgramOutput?, any Error>?
        /// Written, and not yet sent.
        var unsent = 0
        /// Nothing more goes.
        var isOutputOver = false
        var isClosed = false
        /// We have closed it, or were about to.
        var isClosing = false
        var writers: [Latch<Void>] = []
    }

    let kind: Kind
    let connection: FarConnection
    /// How the program ended; fails when the target does not say.
    let exit = Latch<ProgramExit>()
    private let state = Mutex(State())
    private let loop: LoopWaiter

    /// A writer waits while more than this is unsent.
    private static let writeAhead = 256 << 10
    /// Taken bytes are given back in portions, so that not each of them wakes the thread.
    private static let givenBack = 64 << 10

    /// `loop` is where the reader lives.
    init(_ kind: Kind, connection: FarConnection, loop: any EventLoop) {
        self.kind = kind
        self.connection = connection
        self.loop = LoopWaiter(on: loop)
    }

    // MARK: - The reader

    /// The next piece, `nil` at the end; one caller at a time.
    func next() async throws -> ProgramOutput? {
        if let piece = takeReady() { return piece }
        return try await loop.wait {
            wait($0)
        } onCancel: {
            state.withLock { $0.reader.take() }?.resume(throwing: CancellationError())
        }
    }

    private func takeReady() -> ProgramOutput? {
        let (piece, credit): (ProgramOutput?, Int) = state.withLock { Self.take(&$0) }
        giveBack(credit)
        return piece
    }

    private static func take(_ state: inout State) -> (ProgramOutput?, Int) {
        guard let piece = state.pieces.popFirst() else { return (nil, 0) }
        return (piece, credit(piece.bytes.readableBytes, &state))
    }

    private static func credit(_ count: Int, _ state: inout State) -> Int {
        state.taken += count
        guard state.taken >= givenBack else { return 0 }
        defer { state.taken = 0 }
        return state.taken
    }

    private func giveBack(_ count: Int) {
        guard count > 0 else { return }
        // A connection that is over gives no window.
        _ = connection.post { $0.consumed(self, count) }
    }

    private func wait(_ continuation: CheckedContinuation<ProgramOutput?, any Error>) {
        let (answer, credit): (Result<ProgramOutput?, any Error>?, Int) = state.withLock { state in
            let (piece, credit) = Self.take(&state)
            if let piece { return (.success(piece), credit) }
            if state.isInputOver { return (.success(nil), 0) }
            // A cancellation that came before this line found nobody to wake.
            if Task.isCancelled { return (.failure(CancellationError()), 0) }
            state.reader = continuation
            return (nil, 0)
        }
        giveBack(credit)
        if let answer { continuation.resume(with: answer) }
    }

    /// Whether nothing comes any more and everything was taken.
    var isAtEnd: Bool { state.withLock { $0.isInputOver && $0.pieces.isEmpty } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Whether nothing comes any more.
    var isInputOver: Bool { state.withLock { $0.isInputOver } }

    /// Whether somebody may still write.
    var isOutputOpen: Bool { state.withLock { !$0.isOutputOver } }

    // MARK: - The writer

    /// Returns once the bytes are sent or near to it; `false` when they have nowhere to go.
    func write(_ bytes: ByteBuffer) async throws -> Bool {
        let count = bytes.readableBytes
        guard count > 0 else { return true }
        let room = Latch<Void>()
        let isTaken = state.withLock { state in
            guard !state.isOutputOver else { return false }
            state.unsent += count
            if state.unsent > Self.writeAhead {
                state.writers.append(room)
            } else {
                room.settle(.success(()))
            }
            return true
        }
        guard isTaken, connection.post({ $0.write(self, bytes) }) else { return false }
        try await room.value()
        return true
    }

    /// Nothing more follows, behind what was written; `false` when that was so already.
    func endOutput() -> Bool {
        state.withLock { state in
            guard !state.isOutputOver else { return false }
            state.isOutputOver = true
            return true
        }
    }

    /// Whether it is for the caller to close the channel: it is open, and nobody else does.
    func startClosing() -> Bool {
        state.withLock { state in
            guard !state.isClosed, !state.isClosing else { return false }
            state.isClosing = true
            state.isOutputOver = true
            return true
        }
    }

    // MARK: - The connection's thread

    func received(_ bytes: ByteBuffer, _ stream: OutputStream) {
        let piece = ProgramOutput(stream: stream, bytes: bytes)
        let (reader, credit) = state.withLock { state in
            guard let reader = state.reader.take() else {
                state.pieces.append(piece)
                return (CheckedContinuation<ProgramOutput?, any Error>?.none, 0)
            }
            return (reader, Self.credit(bytes.readableBytes, &state))
        }
        giveBack(credit)
        reader?.resume(returning: piece)
    }

    /// Nothing more comes.
    func receivedEOF() {
        let reader = state.withLock { state in
            state.isInputOver = true
            return state.reader.take()
        }
        reader?.resume(returning: nil)
    }

    /// `count` written bytes are sent, or dropped.
    func wrote(_ count: Int) {
        let writers = state.withLock { state in
            state.unsent -= count
            guard state.unsent <= Self.writeAhead / 2 else { return [Latch<Void>]() }
            defer { state.writers = [] }
            return state.writers
        }
        for writer in writers { writer.settle(.success(())) }
    }

    /// The channel is gone in both directions.
    func closed(_ error: @autoclosure () -> any Error) {
        let writers = state.withLock { state in
            state.isClosed = true
            state.isOutputOver = true
            defer { state.writers = [] }
            return state.writers
        }
        for writer in writers { writer.settle(.success(())) }
        receivedEOF()
        exit.settle(.failure(error()))
    }
}
