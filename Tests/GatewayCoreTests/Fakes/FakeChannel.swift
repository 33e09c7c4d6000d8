import NIOCore
import NIOPosix
import SharedSSH
import Synchronization

/// A session channel whose client is the test: gives input, keeps what the server sends.
final class FakeChannel: SessionChannel {
    enum Sent: Equatable {
        case data(OutputStream, String)
        case eof
        case endOfWrite
        case exit(ProgramExit)
        case close
    }

    private struct State {
        var input: [ByteBuffer] = []
        var inputEnded = false
        var isClosed = false
        var reader: CheckedContinuation<ByteBuffer?, any Error>?
        var sent: [Sent] = []
        var closeWaiters: [CheckedContinuation<Void, Never>] = []
    }

    let id: UInt64 = 7
    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private let state = Mutex(State())
    let inputWatch: (any InputWatch)?

    init(inputWatch: (any InputWatch)? = nil) { self.inputWatch = inputWatch }

    var sent: [Sent] { state.withLock { $0.sent } }

    func type(_ text: String) {
        deliver { $0.input.append(ByteBuffer(string: text)) }
    }

    func endInput() {
        deliver { $0.inputEnded = true }
    }

    /// The client drops the channel.
    func drop() {
        deliver { $0.isClosed = true }
    }

    /// Waits until the server has closed the channel.
    func untilClosed() async {
        await withCheckedContinuation { waiter in
            let isClosed = state.withLock { state in
                if !state.sent.contains(.close) { state.closeWaiters.append(waiter) }
                return state.sent.contains(.close)
            }
            if isClosed { waiter.resume() }
        }
    }

    func read() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { reader in
                deliver { $0.reader = reader }
                if Task.isCancelled { cancelRead() }
            }
        } onCancel: {
            cancelRead()
        }
    }

    func write(_ bytes: ByteBuffer, to stream: OutputStream) async throws {
        try state.withLock {
            guard !$0.isClosed else { throw ChannelClosed() }
            $0.sent.append(.data(stream, String(buffer: bytes)))
        }
    }

    func sendEOF() async { state.withLock { $0.sent.append(.eof) } }

    func sendEndOfWrite() async { state.withLock { $0.sent.append(.endOfWrite) } }

    func sendExit(_ exit: ProgramExit) async { state.withLock { $0.sent.append(.exit(exit)) } }

    func close() async {
        let waiters = state.withLock { state in
            state.sent.append(.close)
            defer { state.closeWaiters = [] }
            return state.closeWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func cancelRead() {
        let reader = state.withLock { state in
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(throwing: CancellationError())
    }

    private func deliver(_ change: (inout State) -> Void) {
        let (reader, result) = state.withLock {
            change(&$0)
            guard let reader = $0.reader, let result = Self.next(&$0) else {
                return (nil as CheckedContinuation<ByteBuffer?, any Error>?, nil as Next?)
            }
            $0.reader = nil
            return (reader, result)
        }
        if let reader, let result { reader.resume(with: result) }
    }

    private typealias Next = Result<ByteBuffer?, any Error>

    private static func next(_ state: inout State) -> Next? {
        if !state.input.isEmpty { return .success(state.input.removeFirst()) }
        if state.isClosed { return .failure(ChannelClosed()) }
        return state.inputEnded ? .success(nil) : nil
    }
}
