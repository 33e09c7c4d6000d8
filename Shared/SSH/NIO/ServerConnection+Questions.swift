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
        case .open(let number, .session):
            await openSession(number, handler)
        case .open(let number, .direct(let target)):
            dials[number] = Task { await self.openForward(number, target, handler) }
        case .open(let number, .fromServer):
            // The machine lets clients open no such channel.
            io.connection.refuseOpen(number, .unknownChannelType, text: "unsupported channel type")
        case .globalRequest(let request):
            globalRequests.append(request)
            if globalWorker == nil { globalWorker = Task { await self.answerGlobals(handler) } }
        case .unsupportedChannel(let type):
            await handler.unsupportedChannel(type: type)
            io.connection.acknowledgeRefusedOpen()
        case .malformedChannel(let request):
            await handler.malformed(request)
            io.connection.acknowledgeRefusedOpen()
        }
    }

    private func answerGlobals(_ handler: any ServerConnectionHandler) async {
        while ending == nil, let request = globalRequests.popFirst() {
            let reply = await answer(request, handler)
            io.connection.answerGlobalRequest(reply)
            globalRequestsAnswered += 1
            serveHeldRequests()
            io.pump()
        }
        globalWorker = nil
    }

    private func answer(
        _ request: GlobalRequest,
        _ handler: any ServerConnectionHandler
    ) async -> GlobalReply {
        switch ListenRequest(request) {
        case .begin(let address)?:
            switch await handler.listen(address) {
            case .listening(let port):
                return ListenRequest.begin(address).success(port: port)
            case .refused: return .failure
            }
        case .cancel(let address)?:
            return await handler.cancelListen(address) ? .success(ByteBuffer()) : .failure
        case nil where ListenRequest.isKnown(request.type):
            await handler.malformed(
                MalformedRequest(
                    kind: .globalRequest,
                    type: request.type,
                    payload: request.payload
                )
            )
            return .failure
        case nil:
            return await handler.globalRequest(request)
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
        case .openRequested(let number, let opening):
            ask(.open(number, opening))
        case .unsupportedOpen(let type):
            ask(.unsupportedChannel(type))
        case .malformedOpen(let type, let payload):
            ask(
                .malformedChannel(
                    MalformedRequest(kind: .channelOpen, type: type, payload: payload)
                )
            )
        case .opened(let number):
            openingAnswered(number, .success(()))
        case .openRefused(let number, let reason, let text):
            openingAnswered(
                number,
                .failure(ChannelOpenRefused(reason: reason, text: text))
            )
        case .globalRequest(let request):
            globalRequestsReceived += 1
            ask(.globalRequest(request))
        case .violation(let text):
            refuse(.protocolError, text)
        case .nothing, .globalAnswered, .requestAnswered:
            break
        }
    }
}
