import NIOCore
import SharedAudit
import SharedConfig
import SharedSSH

/// A session channel whose chosen streams are recorded on their way.
///
/// Output is recorded before the client gets it, input after it was read: what a person has seen
/// is in the recording.
final class RecordedChannel: SessionChannel {
    private let next: any SessionChannel
    private let recorder: ConnectionRecorder
    private let whenFailed: @Sendable (any Error) -> Void

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
        if let bytes, recorder.intercept.stdin { try await record(.io(.stdin, bytes)) }
        return bytes
    }

    func write(_ bytes: ByteBuffer, to stream: OutputStream) async throws {
        switch stream {
        case .stdout where recorder.intercept.stdout: try await record(.io(.stdout, bytes))
        case .stderr where recorder.intercept.stderr: try await record(.io(.stderr, bytes))
        case .stdout, .stderr: break
        }
        try await next.write(bytes, to: stream)
    }

    func sendEOF() async {
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

    func close() async { await next.close() }

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
