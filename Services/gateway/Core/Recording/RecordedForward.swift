import NIOCore
import SharedAudit
import SharedConfig
import SharedSSH
import Synchronization

/// A forwarded channel whose end, and if wanted whose bytes, are recorded on their way.
final class RecordedForward: ByteChannel {
    private let next: any ByteChannel
    private let recorder: ConnectionRecorder
    /// The recording's stream of what comes from the client: what whoever opened the channel
    /// sends is `stdout`.
    private let inbound: AuditEvent.Stream
    private let outbound: AuditEvent.Stream
    private let whenFailed: @Sendable (any Error) -> Void
    private let isClosed = Mutex(false)

    init(
        _ next: any ByteChannel,
        openedByClient: Bool,
        recorder: ConnectionRecorder,
        whenFailed: @escaping @Sendable (any Error) -> Void
    ) {
        self.next = next
        self.recorder = recorder
        (inbound, outbound) = openedByClient ? (.stdout, .stdin) : (.stdin, .stdout)
        self.whenFailed = whenFailed
    }

    var id: UInt64 { next.id }
    var eventLoop: any EventLoop { next.eventLoop }

    func read() async throws -> ByteBuffer? {
        let bytes = try await next.read()
        if let bytes, recorder.intercept.forwarding { try await record(.io(inbound, bytes)) }
        return bytes
    }

    func write(_ bytes: ByteBuffer) async throws {
        if recorder.intercept.forwarding { try await record(.io(outbound, bytes)) }
        try await next.write(bytes)
    }

    func sendEOF() async { await next.sendEOF() }

    func close() async {
        await noteClosed()
        await next.close()
    }

    /// Records the end, whoever brought it about; harmless when repeated.
    func noteClosed() async {
        let isFirst = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        // A failure has ended the connection in `record`; there is nobody left to tell.
        if isFirst { try? await record(.close) }
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
}

/// Carries a forward whose end is recorded also where the client or the engine closes the channel.
struct AuditForward: ForwardHandler {
    let channel: RecordedForward
    let next: any ForwardHandler

    func run() async { await next.run() }

    func closed() async {
        await channel.noteClosed()
        await next.closed()
    }
}
