import CAgent

/// One forwarded connection and its socket.
final class ForwardConnection {
    enum State {
        /// The other side has not answered yet.
        case waiting
        case started
        /// CLOSE_CONNECTION was sent; the answer is under way.
        case closing
        /// CLOSE_CONNECTION was received; what is queued is still written.
        case draining
    }

    let id: UInt64
    private let socket: Descriptor
    private let server: ForwardServer
    private var queue = ByteQueue()
    private(set) var state = State.waiting

    init(_ id: UInt64, _ socket: Int32, _ server: ForwardServer) {
        self.id = id
        self.socket = Descriptor(socket, server.poller)
        self.server = server
    }

    /// What waits to be written to the socket.
    var queued: Int { queue.count }

    func start() {
        guard state == .waiting else { return }
        state = .started
        resume()
    }

    /// Goes on reading, see `ForwardServer.isFull`.
    func resume() {
        guard state == .started else { return }
        server.poller.whenReadable(socket.number) { [self] in read() }
    }

    func receive(_ bytes: ArraySlice<UInt8>) {
        guard state == .started, !bytes.isEmpty else { return }
        queue.append(bytes)
        write()
    }

    /// The other side is through.
    func receiveClose() {
        state = .draining
        server.poller.whenReadable(socket.number, nil)
        if queue.isEmpty { drop() }
    }

    /// Forgets it.
    func drop() {
        socket.close()
        server.forget(id)
    }

    private func read() {
        guard !server.isFull else { return server.poller.whenReadable(socket.number, nil) }
        let (bytes, count) = readBytes(socket.number, 32 * 1024)
        guard count != -Int(EAGAIN) else { return }
        guard count > 0 else { return close() }
        server.send(ForwardPacket.data, id, bytes[...])
    }

    private func write() {
        while !queue.isEmpty {
            let written = queue.write(to: socket.number)
            if written == -Int(EAGAIN) {
                return server.poller.whenWritable(socket.number) { [self] in write() }
            }
            guard written >= 0 else {
                queue.removeAll()
                return state == .draining ? drop() : close()
            }
        }
        server.poller.whenWritable(socket.number, nil)
        server.noteDrained()
        if state == .draining { drop() }
    }

    /// The protocol has no half-close: both directions end.
    private func close() {
        guard state == .started else { return }
        state = .closing
        server.poller.forget(socket.number)
        queue.removeAll()
        server.send(ForwardPacket.closeConnection, id)
    }
}
