import Glibc
import NIOCore

/// What both roles share: one socket, the transport, the channels, and those who wait for them.
///
/// Lives on the connection's event loop; every function is called there.
final class ConnectionIO {
    let socket: any Channel
    var transport: TransportMachine
    var connection: ConnectionMachine
    var inboxes: [UInt32: ChannelInbox] = [:]
    var readers: [UInt32: Reader] = [:]
    var writers: [UInt64: Writer] = [:]
    /// Called when the connection cannot go on; the owner ends it.
    var failed: (TransportError) -> Void = { _ in }
    /// Called when an exchange of keys has begun or come to its end.
    var exchangeChanged: (_ isExchanging: Bool) -> Void = { _ in }
    let traffic = TrafficCounter()
    private(set) var isClosed = false
    private var lastTicket: UInt64 = 0
    private var outbound = ByteBuffer()
    /// Set while bytes from the socket are being handled: what they lead to goes out at the end.
    private var isBatching = false
    private var isFlushScheduled = false
    private var isExchangingKeys = false

    /// As much is handed to the socket at a time: three packets of the usual size.
    private static let flushSize = 96 * 1024
    /// What the last of these packets may need beside.
    private static let flushCapacity = 128 * 1024
    /// Who sends less at a time keeps no memory for it.
    private static let smallFlush = 4096
    /// Replies wait for the end of a batch until they are so many: fewer than the machine allows.
    private static let mostRepliesAtOnce = 256
    /// How long a peer may take to hear the last words and to hang up.
    private static let lingerTime = TimeAmount.seconds(2)

    struct Reader {
        var token: UInt64
        var continuation: CheckedContinuation<ChannelInbox.Part?, any Error>
    }

    enum Writer {
        /// Still within the call that queued the bytes.
        case queued
        case waiting(CheckedContinuation<Void, any Error>)
        case settled(taken: Bool)
    }

    init(socket: any Channel, transport: TransportMachine, connection: ConnectionMachine) {
        self.socket = socket
        self.transport = transport
        self.connection = connection
    }

    func start() {
        attempt { io throws(TransportError) in try io.transport.start(into: &io.outbound) }
        flush()
    }

    /// Handles bytes from the socket, calling `handle` for each event until the connection ends.
    func received(_ bytes: ByteBuffer, _ handle: (TransportEvent) -> Void) {
        isBatching = true
        traffic.countReceived(bytes.readableBytes)
        transport.received(bytes)
        do {
            while !isClosed, let event = try transport.nextEvent(into: &outbound) {
                handle(event)
                if outbound.readableBytes >= Self.flushSize
                    || connection.repliesQueued >= Self.mostRepliesAtOnce
                {
                    pump()
                }
            }
        } catch {
            failed(error)
        }
        noteExchange()
    }

    /// Everything that had arrived is handled: the answers go out together. Whether there are any.
    @discardableResult
    func receivedAll() -> Bool {
        isBatching = false
        pump()
        let isAnswered = outbound.readableBytes > 0
        flush()
        return isAnswered
    }

    /// Has the kernel acknowledge what was received at once, where it would wait for an answer to
    /// send along (tcp(7), TCP_QUICKACK; once set it does not stay).
    ///
    /// Clients send NEWKEYS and the request after it in two small writes, and the second waits
    /// for the acknowledgement of the first (Nagle's algorithm): 40 ms of every login.
    func acknowledge() {
        // A kernel without the option just acknowledges later.
        try? socket.syncOptions?.setOption(Self.quickAcknowledgement, value: 1)
    }

    private static let quickAcknowledgement = ChannelOptions.Types.SocketOption(
        level: .tcp,
        name: .init(rawValue: TCP_QUICKACK)
    )

    /// Sends a message that does not belong to the connection protocol.
    func send(_ message: ByteBuffer) {
        attempt { io throws(TransportError) in try io.transport.send(message, into: &io.outbound) }
        flushLater()
    }

    func requestRekey() {
        attempt { io throws(TransportError) in try io.transport.requestRekey(into: &io.outbound) }
        flushLater()
    }

    /// Sends what the connection machine has to send, as far as the socket takes it.
    ///
    /// While keys are exchanged everything stays in the machine, which bounds it.
    func pump() {
        while !isClosed, !transport.isRekeying,
            let message = connection.nextOutgoing(dataAllowed: socket.isWritable)
        {
            if message.dataSize > Self.smallFlush { outbound.reserveCapacity(Self.flushCapacity) }
            attempt { io throws(TransportError) in
                try io.transport.send(into: &io.outbound) { message.write(into: &$0) }
            }
            if outbound.readableBytes >= Self.flushSize { flush() }
        }
        settleWrites()
        flushLater()
    }

    func takeTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    private func attempt(_ body: (ConnectionIO) throws(TransportError) -> Void) {
        guard !isClosed else { return }
        do {
            try body(self)
        } catch {
            failed(error)
        }
        noteExchange()
    }

    private func noteExchange() {
        guard !isClosed, transport.isExchangingKeys != isExchangingKeys else { return }
        isExchangingKeys.toggle()
        exchangeChanged(isExchangingKeys)
    }
}

// MARK: - Flushing

extension ConnectionIO {
    /// What several calls of one turn of the loop have to send goes out together.
    private func flushLater() {
        guard !isBatching, !isFlushScheduled, !isClosed, outbound.readableBytes > 0 else { return }
        isFlushScheduled = true
        socket.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    private func flush() {
        guard !isClosed, outbound.readableBytes > 0 else { return }
        var bytes = takeOutbound()
        let isSmall = bytes.readableBytes <= Self.smallFlush
        socket.writeAndFlush(bytes, promise: nil)
        // The socket may have become writable meanwhile, and more have been written.
        guard !isSmall, outbound.capacity == 0 else { return }
        // The same memory again, if the socket has taken everything.
        bytes.clear()
        outbound = bytes
    }

    private func takeOutbound() -> ByteBuffer {
        let bytes = outbound
        traffic.countSent(bytes.readableBytes)
        outbound = ByteBuffer()
        return bytes
    }
}

// MARK: - Closing

extension ConnectionIO {
    /// Ends the connection: says `refusal` if there is one, and wakes everyone who waits.
    func close(saying refusal: ServerRefusal?) {
        guard !isClosed else { return }
        if let refusal {
            sendReplies()
            transport.disconnect(refusal.reason, refusal.text, into: &outbound)
        }
        isClosed = true
        wakeEveryone()
        closeSocket(gently: refusal != nil)
    }

    /// Replies that were decided before the end still go out.
    private func sendReplies() {
        while !transport.isRekeying, !transport.isClosed,
            let message = connection.nextOutgoing(dataAllowed: false)
        {
            // What cannot be sent any more is lost with the connection that ends here.
            try? transport.send(into: &outbound) { message.write(into: &$0) }
        }
    }

    /// Closing at once could make the kernel throw away what the peer has not read, so the peer
    /// gets a moment to hang up first.
    private func closeSocket(gently: Bool) {
        let socket = socket
        guard gently, socket.isActive, outbound.readableBytes > 0 else {
            socket.close(promise: nil)
            return
        }
        socket.writeAndFlush(takeOutbound()).whenComplete { _ in
            socket.close(mode: .output, promise: nil)
        }
        let timer = socket.eventLoop.scheduleTask(in: Self.lingerTime) {
            socket.close(promise: nil)
        }
        socket.closeFuture.whenComplete { _ in timer.cancel() }
    }
}
