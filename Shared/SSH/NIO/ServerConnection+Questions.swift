import DequeModule
import NIOCore

/// The connection's questions, asked one after the other.
extension ServerConnection {
    func ask(_ question: Question) {
        guard ending == nil else { return }
        questions.append(question)
        if worker == nil { worker = Task { await self.work() } }
    }

    private func work() async {
        while ending == nil, let question = questions.popFirst(), let handler {
            await put(question, to: handler)
        }
        worker = nil
    }

    private func put(_ question: Question, to handler: any ServerConnectionHandler) async {
        switch question {
        case .handshakeCompleted(let facts):
            await handler.handshakeCompleted(facts)
        case .authenticate(let attempt):
            answered(await handler.authenticate(attempt))
        case .authenticated(let username):
            await begin(username, handler)
        case .openSession(let number):
            await openSession(number, handler)
        case .globalRequest(let request):
            let reply = await handler.globalRequest(request)
            io.connection.answerGlobalRequest(reply)
            io.pump()
        case .unsupportedChannel(let type):
            await handler.unsupportedChannel(type: type)
            io.connection.acknowledgeUnsupportedOpen()
        }
    }

    private func begin(_ username: String, _ handler: any ServerConnectionHandler) async {
        do {
            try await handler.authenticated(as: username)
        } catch let refusal as ServerRefusal {
            refuse(refusal.reason, refusal.text)
        } catch {
            // What went wrong is the handler's to log; the client learns that it was not its fault.
            refuse(.byApplication, "Internal error.")
        }
    }

    func handle(_ event: ConnectionEvent) {
        switch event {
        case .data(let number, nil, let bytes):
            io.deliver(number, bytes, .stdout)
        case .data(let number, .some, let bytes):
            // Clients have no second stream to send (RFC 4254 §5.2); it is read and dropped.
            io.connection.consumed(number, bytes.readableBytes)
        case .eof(let number):
            io.deliverEOF(number)
        case .request(let number, let request):
            received(request, on: number)
        case .closed(let number):
            channelClosed(number)
        case .openRequested(let number, _, _):
            ask(.openSession(number))
        case .unsupportedOpen(let type):
            ask(.unsupportedChannel(type))
        case .globalRequest(let request):
            ask(.globalRequest(request))
        case .violation(let text):
            refuse(.protocolError, text)
        case .nothing, .globalAnswered, .opened, .openRefused, .requestAnswered:
            break
        }
    }
}
