import CAgent

// MARK: - Connections and files

extension InitServer {
    func dial(_ id: UInt32, _ body: inout BodyReader) throws(Violation) {
        try claim(id)
        let family = Int32(try body.byte())
        let host = try body.name()
        let port = try body.short()
        let timeout = try body.number()
        try body.requireEnd()
        guard hasRoom else { return fail(id, EMFILE) }
        do throws(SystemError) {
            let dial = try DialItem(family, host, port, min(timeout, 300_000))
            dials[id] = dial
            poller.whenReadable(dial.descriptor) { [self] in dialled(id, dial) }
        } catch {
            fail(id, error.number)
        }
    }

    private func dialled(_ id: UInt32, _ dial: DialItem) {
        let connected = agent_dialed(dial.descriptor)
        guard connected != -EAGAIN else { return }
        poller.forget(dial.descriptor)
        agent_close(dial.descriptor)
        dials[id] = nil
        // What the system says of this errno is about addresses of one's own.
        guard connected != -EADDRNOTAVAIL else {
            return fail(id, EADDRNOTAVAIL, bytes("the name has no address"))
        }
        guard connected >= 0 else { return fail(id, -connected) }
        link.send(FrameWriter(FrameKind.opened, id))
        adopt(id, connected)
    }

    func listen(_ id: UInt32, _ body: inout BodyReader) throws(Violation) {
        try claim(id)
        let family = Int32(try body.byte())
        let host = try body.name()
        var port = try body.short()
        let mode = try body.short()
        try body.requireEnd()
        guard hasRoom else { return fail(id, EMFILE) }
        let socket = unsafe withCString(host) {
            unsafe agent_listen(family, $0, &port, UInt32(mode))
        }
        guard socket >= 0 else { return fail(id, -socket) }
        let descriptor = Descriptor(socket, poller)
        listeners[id] = ListenerItem(descriptor, path: family == 2 ? host : nil)
        var frame = FrameWriter(FrameKind.listening, id)
        frame.short(port)
        link.send(frame)
        poller.whenReadable(socket) { [self] in accept(id, socket) }
    }

    private func accept(_ listener: UInt32, _ socket: Int32) {
        // Without room they wait in the kernel's queue; closing something wakes this up again.
        guard hasOwnRoom else {
            waitsForOwnID = true
            return poller.whenReadable(socket, nil)
        }
        var host = [CChar](repeating: 0, count: 64)
        var port: UInt16 = 0
        let connected = unsafe agent_accept(socket, &host, &port)
        guard connected >= 0 else { return }
        let id = newID()
        ownCount += 1
        var frame = FrameWriter(FrameKind.accepted, id)
        frame.number(listener)
        frame.string(host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
        frame.short(port)
        link.send(frame)
        adopt(id, connected)
    }

    private func adopt(_ id: UInt32, _ socket: Int32) {
        let descriptor = Descriptor(socket, poller)
        let connection = ConnectionItem(descriptor)
        connections[id] = connection
        let done = { [self] in settle(id) }
        connection.input = Sink(
            link,
            id,
            0,
            descriptor,
            isSocket: true,
            window: window,
            whenDone: done
        )
        connection.output = Source(link, id, 0, descriptor, window: window, whenEnded: done)
    }

    func writeFile(_ id: UInt32, _ body: inout BodyReader) throws(Violation) {
        try claim(id)
        let path = try body.name()
        let mode = try body.number()
        try body.requireEnd()
        guard hasRoom else { return fail(id, EMFILE) }
        do throws(SystemError) {
            files[id] = try FileItem(path: path, mode: mode)
        } catch {
            fail(id, error.number)
        }
    }

    // MARK: Bytes

    func receivedData(_ id: UInt32, _ body: inout BodyReader) throws(Violation) {
        let channel = try body.byte()
        guard !body.rest.isEmpty else { throw Violation(text: "DATA without bytes") }
        guard dials[id] == nil, listeners[id] == nil else {
            throw Violation(text: "DATA for what takes none")
        }
        if let sink = try sink(id, channel) {
            try sink.receive(body.rest)
        } else if let file = files[id] {
            guard body.rest.count <= window else { throw Violation(text: "DATA beyond the window") }
            file.write(body.rest)
            var frame = FrameWriter(FrameKind.window, id)
            frame.byte(0)
            frame.number(UInt32(truncatingIfNeeded: body.rest.count))
            link.send(frame)
        }
    }

    func receivedEnd(_ id: UInt32, _ body: inout BodyReader) throws(Violation) {
        let channel = try body.byte()
        try body.requireEnd()
        // With a terminal the end of input is a character (termios(3), VEOF), not this.
        guard programs[id]?.terminal == nil else { return }
        if let program = programs[id], channel == 1 || channel == 2 {
            // Nobody reads it any more: who goes on writing gets SIGPIPE.
            return (channel == 2 ? program.errors : program.output)?.close() ?? ()
        }
        if let sink = try sink(id, channel) {
            sink.receiveEnd()
        } else if let file = files.removeValue(forKey: id) {
            let failure = file.finish()
            guard failure == 0 else { return fail(id, failure) }
            link.send(FrameWriter(FrameKind.written, id))
        }
    }

    func receivedWindow(_ id: UInt32, _ body: inout BodyReader) throws(Violation) {
        let channel = try body.byte()
        let count = try body.number()
        try body.requireEnd()
        if let program = programs[id] {
            try (channel == 2 ? program.errors : program.output)?.add(window: count)
        } else {
            try connections[id]?.output?.add(window: count)
        }
    }

    private func sink(_ id: UInt32, _ channel: UInt8) throws(Violation) -> Sink? {
        guard channel == 0 else { throw Violation(text: "only channel 0 leads to the agent") }
        return programs[id]?.input ?? connections[id]?.input
    }

    // MARK: The end of an id

    /// Harmless when repeated.
    func forget(_ connection: ConnectionItem, _ id: UInt32) {
        guard connections.removeValue(forKey: id) != nil else { return }
        connection.descriptor.close()
        if !connection.closeSent { sendClose(id) }
        if id % 2 != 0 { ownCount -= 1 }
    }

    func receivedClose(_ id: UInt32) {
        if let program = programs[id] {
            program.closeReceived = true
            program.signal(SIGKILL)
            program.discard()
            settle(id)
        } else if let connection = connections[id] {
            connection.closeReceived = true
            connection.output?.end()
            // What came before END is still written, however slowly it is read; the answer is last.
            if connection.input?.isDraining != true { forget(connection, id) }
        } else if let listener = listeners.removeValue(forKey: id) {
            listener.close()
            sendClose(id)
        } else if let dial = dials.removeValue(forKey: id) {
            dial.cancel(poller)
            sendClose(id)
        } else if let file = files.removeValue(forKey: id) {
            file.cancel()
            sendClose(id)
        }
        resumeListeners()
    }

    /// Listeners that had to wait for room.
    func resumeListeners() {
        guard waitsForOwnID, hasOwnRoom else { return }
        waitsForOwnID = false
        for (id, listener) in listeners {
            let socket = listener.descriptor.number
            poller.whenReadable(socket) { [self] in accept(id, socket) }
        }
    }
}
