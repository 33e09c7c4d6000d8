import CAgent

/// `forward-server`: ContainerSSH's protocol for forwarded connections on standard input and
/// output.
///
/// Beyond what its own agent does: a listener is bound before it is confirmed, connections are made
/// side by side and with a deadline, what was sent before CLOSE is delivered, and the end of
/// standard input is the end.
final class ForwardServer {
    let poller = Poller()
    private var input = InputBuffer(longest: (1 << 20) + 1024)
    private var output = ByteQueue(keeps: 1 << 20)
    private var isWriting = false
    private var isReading = false
    private var setup: ForwardSetup?
    private var listener: ListenerItem?
    private var connections: [UInt64: ForwardConnection] = [:]
    private var dials: [UInt64: DialItem] = [:]
    private var lastID: UInt64 = 0
    private var isClosing = false
    private var status: Int32?

    /// Of output and of what waits for a single connection.
    private static let most = 1 << 20
    private static let mostConnections = 1024
    private static let dialMilliseconds: UInt32 = 30_000

    /// Serves until the server is gone or no connection can come any more; returns the status.
    func run() -> Int32 {
        agent_hide()
        agent_raise_limits()
        let signals = agent_signal_descriptor()
        guard signals >= 0 else { return 1 }
        poller.whenReadable(signals) { [self] in readSignals(signals) }
        for descriptor: Int32 in 0...1 { _ = agent_set_nonblocking(descriptor) }
        resumeReading()
        while status == nil {
            poller.wait(-1)
            write()
        }
        listener?.close()
        for dial in dials.values { dial.cancel(poller) }
        for _ in 0..<20 where isWriting {
            poller.wait(50)
            write()
        }
        return status ?? 0
    }

    private func readSignals(_ descriptor: Int32) {
        while true {
            switch agent_next_signal(descriptor) {
            case 0: return
            case SIGCHLD: reap()
            default: status = status ?? 0
            }
        }
    }

    /// Collects what made connections.
    private func reap() {
        while true {
            var (kind, number): (Int32, Int32) = (0, 0)
            let pid = unsafe agent_reap(&kind, &number)
            guard pid > 0 else { return }
            for dial in dials.values where dial.pid == pid { dial.pid = 0 }
        }
    }

    // MARK: The stream

    /// Whether connections should not be read.
    var isFull: Bool { output.count > Self.most }

    func send(_ kind: UInt64, _ id: UInt64, _ payload: ArraySlice<UInt8>? = nil) {
        output.append(ForwardPacket.encode(kind, id, payload))
    }

    private func write() {
        let wasFull = isFull
        while !output.isEmpty {
            let written = output.write(to: 1)
            if written == -Int(EAGAIN) { break }
            guard written >= 0 else {
                output.removeAll()
                status = status ?? 0
                break
            }
        }
        if output.isEmpty == isWriting {
            isWriting = !output.isEmpty
            // The loop writes after each turn.
            poller.whenWritable(1, isWriting ? {} : nil)
        }
        if wasFull, !isFull { for one in connections.values { one.resume() } }
        noteDrained()
    }

    /// Goes on reading when nothing is in the way any more.
    func noteDrained() {
        guard !isReading, !isCongested else { return }
        resumeReading()
    }

    private var isCongested: Bool {
        output.count > 2 * Self.most || connections.values.contains { $0.queued > Self.most }
    }

    private func resumeReading() {
        isReading = true
        poller.whenReadable(0) { [self] in read() }
    }

    private func read() {
        let count = input.fill(from: 0)
        guard count != -Int(EAGAIN) else { return }
        guard count > 0 else { return stop(0) }
        do throws(CBORFault) {
            while status == nil, let packet = try next() { try received(packet) }
        } catch {
            log("a packet cannot be understood")
            stop(1)
        }
        guard status == nil, isCongested else { return }
        isReading = false
        poller.whenReadable(0, nil)
    }

    private func next() throws(CBORFault) -> ForwardPacket? {
        guard input.count > 0 else { return nil }
        var reader = CBORReader(input.all)
        do throws(CBORFault) {
            let packet = try ForwardPacket(&reader)
            _ = input.take(input.count - reader.rest.count)
            return packet
        } catch {
            guard case .incomplete = error, input.count <= Self.most else { throw .invalid }
            return nil
        }
    }

    private func stop(_ result: Int32) {
        poller.forget(0)
        status = status ?? result
    }

    // MARK: Packets

    private func received(_ packet: ForwardPacket) throws(CBORFault) {
        guard setup != nil else {
            guard packet.kind == ForwardPacket.setup else { throw .invalid }
            return begin(try ForwardSetup(packet.payload))
        }
        switch packet.kind {
        case ForwardPacket.success: succeeded(packet.id)
        case ForwardPacket.error: connections[packet.id]?.drop()
        case ForwardPacket.data: connections[packet.id]?.receive(packet.payload)
        case ForwardPacket.newConnection: dial(packet.id, try ForwardTarget(packet.payload))
        case ForwardPacket.closeConnection: closed(packet.id)
        case ForwardPacket.noMoreConnections:
            isClosing = true
            listener?.close()
            listener = nil
            endWhenIdle()
        default: log("a packet of an unknown kind")
        }
    }

    private func succeeded(_ id: UInt64) {
        guard let connection = connections[id] else { return }
        if connection.state == .closing { connection.drop() } else { connection.start() }
    }

    private func closed(_ id: UInt64) {
        guard let connection = connections[id] else {
            // A dial may be given up before it is decided.
            dials.removeValue(forKey: id)?.cancel(poller)
            send(ForwardPacket.error, id)
            return endWhenIdle()
        }
        send(ForwardPacket.success, id)
        connection.receiveClose()
    }

    func forget(_ id: UInt64) {
        connections[id] = nil
        resumeAccepting()
        noteDrained()
        endWhenIdle()
    }

    private func endWhenIdle() {
        if isClosing, connections.isEmpty, dials.isEmpty { status = status ?? 0 }
    }

    // MARK: The beginning

    private func begin(_ request: ForwardSetup) {
        setup = request
        if !ForwardSetup.dials.contains(request.kind) {
            let failure = listen(request)
            guard failure == 0 else {
                log("the listener cannot be made", failure)
                send(ForwardPacket.error, 0)
                return stop(1)
            }
        }
        send(ForwardPacket.success, 0)
    }

    /// 0 or errno.
    private func listen(_ request: ForwardSetup) -> Int32 {
        var (family, host, port) = (request.family, request.host, request.port)
        if request.kind == ForwardSetup.x11 {
            let failure = XAuthority.add(request)
            guard failure == 0 else { return failure }
            (family, host, port) = (1, bytes("127.0.0.1"), 6010)
        }
        let socket = unsafe withCString(host) { unsafe agent_listen(family, $0, &port, 0o600) }
        guard socket >= 0 else { return -socket }
        listener = ListenerItem(Descriptor(socket, poller), path: family == 2 ? host : nil)
        poller.whenReadable(socket) { [self] in accept(socket) }
        return 0
    }

    private func accept(_ socket: Int32) {
        // Without room they wait in the kernel's queue.
        guard let setup, connections.count < Self.mostConnections else {
            return poller.whenReadable(socket, nil)
        }
        var host = [CChar](repeating: 0, count: 64)
        var port: UInt16 = 0
        let connected = unsafe agent_accept(socket, &host, &port)
        guard connected >= 0 else { return }
        lastID += 1
        connections[lastID] = ForwardConnection(lastID, connected, self)
        let target = ForwardTarget.encode(
            setup,
            originator: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            originatorPort: port
        )
        send(ForwardPacket.newConnection, lastID, target[...])
        // The socket itself stays, as others see it.
        if setup.takesOne { poller.forget(socket) }
    }

    private func resumeAccepting() {
        guard let socket = listener?.descriptor.number, connections.count < Self.mostConnections,
            setup?.takesOne != true
        else { return }
        poller.whenReadable(socket) { [self] in accept(socket) }
    }

    // MARK: Dialling

    private func dial(_ id: UInt64, _ target: ForwardTarget) {
        guard id > lastID else { return log("an id that was used before") }
        guard let setup, ForwardSetup.dials.contains(setup.kind), !isClosing,
            connections.count + dials.count < Self.mostConnections
        else { return send(ForwardPacket.error, id) }
        lastID = id
        do throws(SystemError) {
            let dial = try DialItem(target.family, target.host, target.port, Self.dialMilliseconds)
            dials[id] = dial
            poller.whenReadable(dial.descriptor) { [self] in dialled(id, dial) }
        } catch {
            send(ForwardPacket.error, id)
        }
    }

    private func dialled(_ id: UInt64, _ dial: DialItem) {
        let connected = agent_dialed(dial.descriptor)
        guard connected != -EAGAIN else { return }
        poller.forget(dial.descriptor)
        agent_close(dial.descriptor)
        dials[id] = nil
        guard connected >= 0 else {
            send(ForwardPacket.error, id)
            return endWhenIdle()
        }
        send(ForwardPacket.success, id)
        let connection = ForwardConnection(id, connected, self)
        connections[id] = connection
        connection.start()
    }

    private func log(_ text: StaticString, _ number: Int32 = 0) {
        let cause = number == 0 ? [] : bytes(": ") + errorText(number)
        printLine(
            2,
            bytes("{\"level\":\"debug\",\"message\":\"") + bytes(text) + cause + bytes("\"}")
        )
    }
}
