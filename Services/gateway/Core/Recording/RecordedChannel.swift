import NIOCore
import SharedAudit
import SharedConfig
import SharedSSH
import Synchronization

/// A session channel whose chosen streams are recorded on their way.
///
/// Output is recorded before the client gets it, input after it was read: what a person has seen
/// is in the recording. Where hidden input stays out of it, input waits until the terminal has
/// taken it.
final class RecordedChannel: SessionChannel, InputWatch {
    private let next: any SessionChannel
    private let recorder: ConnectionRecorder
    private let whenFailed: @Sendable (any Error) -> Void
    private let undecided = Mutex(UndecidedInput())

    init(
        _ next: any SessionChannel,
        recorder: ConnectionRecorder,
        whenFailed: @escaping @Sendable (any Error) -> Void
    ) {
        self.next = next
        self.recorder = recorder
        self.whenFailed = whenFailed
    }

    var id: UInt64 { next.id }
    var eventLoop: any EventLoop { next.eventLoop }

    func read() async throws -> ByteBuffer? {
        let bytes = try await next.read()
        if let bytes, recorder.intercept.stdin {
            try await record(undecided.withLock { $0.add(bytes) })
        }
        return bytes
    }

    // MARK: - Input that a terminal may hide

    var inputWatch: (any InputWatch)? {
        recorder.intercept.stdin && recorder.intercept.redactHiddenInput ? self : nil
    }

    func begin() { undecided.withLock { $0.begin() } }

    func took(_ input: TypedInput) async throws {
        try await record(undecided.withLock { $0.decide(input) })
    }

    /// Records what no terminal has taken.
    func settleInput() async {
        // A failure has ended the connection in `record`; there is nobody left to tell.
        try? await record(undecided.withLock { $0.end() })
    }

    private func record(_ input: ByteBuffer?) async throws {
        if let input { try await record(.io(.stdin, input)) }
    }

    // MARK: - Output

    func write(_ bytes: ByteBuffer, to stream: OutputStream) async throws {
        switch stream {
        case .stdout where recorder.intercept.stdout: try await record(.io(.stdout, bytes))
        case .stderr where recorder.intercept.stderr: try await record(.io(.stderr, bytes))
        case .stdout, .stderr: break
        }
        try await next.write(bytes, to: stream)
    }

    func sendEOF() async {
        await settleInput()
        await note(.closeWrite)
        await next.sendEOF()
    }

    func sendExit(_ exit: ProgramExit) async {
        switch exit {
        case .status(let status):
            await note(.exit(status: status))
        case .signal(let name, let coreDumped, let message):
            await note(
                .exitSignal(name: name, coreDumped: coreDumped, message: message, languageTag: "")
            )
        }
        await next.sendExit(exit)
    }

    func sendEndOfWrite() async { await next.sendEndOfWrite() }

    func close() async {
        await settleInput()
        await next.close()
    }

    /// Bytes that cannot be recorded go nowhere: the stream ends, and the connection with it.
    private func record(_ event: AuditEvent) async throws {
        do {
            try await recorder.record(event, channel: id)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            whenFailed(error)
            throw ChannelClosed()
        }
    }

    private func note(_ event: AuditEvent) async {
        // A failure has ended the connection in `record`; there is nobody left to tell.
        try? await record(event)
    }
}
