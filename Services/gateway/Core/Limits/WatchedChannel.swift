import NIOCore
import SharedSSH

/// A session channel whose bytes are signs of life, and to whose person something can be said.
final class WatchedChannel: SessionChannel {
    private let next: any SessionChannel
    private let watch: ChannelWatch

    init(_ next: any SessionChannel, watch: ChannelWatch) {
        self.next = next
        self.watch = watch
    }

    var id: UInt64 { next.id }
    var eventLoop: any EventLoop { next.eventLoop }
    var inputWatch: (any InputWatch)? { next.inputWatch }

    func read() async throws -> ByteBuffer? {
        let bytes = try await next.read()
        watch.touch()
        return bytes
    }

    func write(_ bytes: ByteBuffer, to stream: OutputStream) async throws {
        try await next.write(bytes, to: stream)
        watch.touch()
    }

    func sendEOF() async { await next.sendEOF() }
    func sendExit(_ exit: ProgramExit) async { await next.sendExit(exit) }
    func sendEndOfWrite() async { await next.sendEndOfWrite() }
    func close() async { await next.close() }
}

/// The same for a channel that leads elsewhere.
final class WatchedByteChannel: ByteChannel {
    private let next: any ByteChannel
    private let watch: ChannelWatch

    init(_ next: any ByteChannel, watch: ChannelWatch) {
        self.next = next
        self.watch = watch
    }

    var id: UInt64 { next.id }
    var eventLoop: any EventLoop { next.eventLoop }

    func read() async throws -> ByteBuffer? {
        let bytes = try await next.read()
        watch.touch()
        return bytes
    }

    func write(_ bytes: ByteBuffer) async throws {
        try await next.write(bytes)
        watch.touch()
    }

    func sendEOF() async { await next.sendEOF() }

    func close() async {
        watch.end()
        await next.close()
    }
}

/// The idle timers that one channel keeps from firing: the connection's and its own.
final class ChannelWatch: Sendable {
    private let connection: IdleTimer?
    private let own: IdleTimer?

    init(connection: IdleTimer?, own: IdleTimer?) {
        self.connection = connection
        self.own = own
    }

    func touch() {
        connection?.touch()
        own?.touch()
    }

    /// The channel is gone.
    func end() { own?.cancel() }
}
