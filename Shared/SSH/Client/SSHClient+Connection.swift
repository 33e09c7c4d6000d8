import DequeModule
package import NIOCore

/// Channels and global requests of a client.
extension SSHClient {
    struct SessionState {
        var exit: ProgramExit?
        var wasToldEndOfWrite = false
        var replies = Deque<CheckedContinuation<Bool, any Error>>()
        var closeWaiters: [CheckedContinuation<Void, Never>] = []
    }

    func handle(_ event: ConnectionEvent) {
        switch event {
        case .data(let number, let stream, let bytes):
            io.deliver(number, bytes, stream == nil ? .stdout : .stderr)
        case .eof(let number):
            io.deliverEOF(number)
        case .closed(let number):
            sessionClosed(number)
        case .request(let number, let request):
            if let exit = ProgramExit(request) { sessions[number]?.exit = exit }
            if request.type == "eow@openssh.com" { sessions[number]?.wasToldEndOfWrite = true }
            io.connection.answerRequest(number, success: false)
        case .requestAnswered(let number, let success):
            sessions[number]?.replies.popFirst()?.resume(returning: success)
        case .opened(let number):
            io.openInbox(number)
            sessions[number] = SessionState()
            openWaiters.removeValue(forKey: number)?.resume()
        case .openRefused(let number, let reason, let text):
            openWaiters.removeValue(forKey: number)?
                .resume(throwing: SSHClientError.channelRefused(reason: reason, text: text))
        case .globalRequest:
            io.connection.answerGlobalRequest(.failure)
        case .globalAnswered(let reply):
            globalWaiters.popFirst()?.resume(returning: reply)
        case .unsupportedOpen, .malformedOpen:
            io.connection.acknowledgeRefusedOpen()
        case .openRequested(let number, let opening):
            answer(number, opening)
        case .violation(let text):
            io.close(saying: ServerRefusal(reason: .protocolError, text: text))
            end(.byClient(.protocolError, text: text))
        case .nothing:
            break
        }
    }

    func sessionClosed(_ number: UInt32) {
        io.deliverClose(number)
        guard let session = sessions[number] else { return }
        sessions[number]?.replies = []
        sessions[number]?.closeWaiters = []
        for reply in session.replies { reply.resume(returning: false) }
        for waiter in session.closeWaiters { waiter.resume() }
    }

    /// Opens a session channel (RFC 4254 §6.1).
    ///
    /// - Throws: `SSHClientError.channelRefused` with the server's reason and text.
    package func openSession() async throws -> SSHClientSession {
        SSHClientSession(number: try await openChannel(type: "session"), client: self)
    }

    /// Opens a channel of any type and forgets it; for what a server refuses.
    package func openChannel(
        type: String,
        payload: ByteBuffer = ByteBuffer()
    ) async throws -> UInt32 {
        let number = io.connection.open(type: type, payload: payload)
        try await wait {
            openWaiters[number] = $0
            io.pump()
        }
        return number
    }

    /// Asks something of the connection (RFC 4254 §4) and waits for the answer.
    package func globalRequest(
        _ type: String,
        _ payload: ByteBuffer = ByteBuffer()
    ) async throws -> GlobalReply {
        try await wait {
            globalWaiters.append($0)
            io.connection.sendGlobalRequest(
                GlobalRequest(type: type, payload: payload, wantsReply: true)
            )
            io.pump()
        }
    }

    /// Makes sure that the server answers.
    package func keepalive() async throws {
        _ = try await globalRequest("keepalive@openssh.com")
    }

    /// How often the server wanted to know whether this client is alive.
    package var keepaliveCount: Int { io.connection.keepalivesReceived }

    /// Begins an exchange of new keys; it goes on beside everything else.
    package func requestRekey() {
        io.requestRekey()
    }

    /// Reads nothing more from the socket, as a peer whose machine has gone.
    package func stopReading() {
        // An option of a socket that is closed already changes nothing.
        io.socket.setOption(.autoRead, value: false).whenFailure { _ in }
    }

    /// Reads again after `stopReading`.
    package func resumeReading() {
        // As there.
        io.socket.setOption(.autoRead, value: true).whenFailure { _ in }
    }

    /// Sends one payload as it is, for tests of what a server does with it.
    package func sendRaw(_ payload: ByteBuffer) {
        io.send(payload)
    }
}

// MARK: - What a session asks of its client

extension SSHClient {
    func request(_ number: UInt32, _ request: ChannelRequest) async throws -> Bool {
        guard request.wantsReply else {
            guard io.connection.sendRequest(number, request) else { throw ChannelClosed() }
            io.pump()
            return true
        }
        guard sessions[number] != nil, io.connection.isOpen(number) else { throw ChannelClosed() }
        return try await wait {
            sessions[number]?.replies.append($0)
            _ = io.connection.sendRequest(number, request)
            io.pump()
        }
    }

    func enqueue(_ number: UInt32, _ item: ChannelOutbox.Item) {
        io.enqueue(number, item)
    }

    func exit(_ number: UInt32) async -> ProgramExit? {
        guard let session = sessions[number] else { return nil }
        guard io.connection.channels[number] != nil, ending == nil else { return session.exit }
        await withCheckedContinuation { sessions[number]?.closeWaiters.append($0) }
        return sessions[number]?.exit
    }

    /// Nobody holds the session any more: what is left of it is closed.
    func forget(_ number: UInt32) {
        io.enqueue(number, .close)
        sessions[number] = nil
        io.closeInbox(number)
    }
}
