import NIOCore

extension ConnectionMachine {
    mutating func receivedGlobalRequest(_ request: GlobalRequest) -> ConnectionEvent {
        switch request.type {
        case "keepalive@openssh.com":
            return receivedKeepalive(wantsReply: request.wantsReply)
        case "no-more-sessions@openssh.com" where role == .server:
            sessionsForbidden = true
            return receivedSettled(
                wantsReply: request.wantsReply,
                .requestSuccess(payload: .init())
            )
        case HostKeyAnnouncement.proofType where hostKeys != nil:
            let reply = hostKeys?.prove(request.payload) ?? .failure
            return receivedSettled(wantsReply: request.wantsReply, reply.message)
        default:
            guard admitQuestion() else { return .violation("too many pending requests") }
            globalReplies.ask(wantsReply: request.wantsReply)
            return .globalRequest(request)
        }
    }

    /// Tells the client the host's keys; from here on it may ask for proof of them.
    mutating func announce(_ hostKeys: HostKeyAnnouncement, to clientVersion: String) {
        guard let request = hostKeys.request(to: clientVersion) else { return }
        self.hostKeys = hostKeys
        sendGlobalRequest(request)
    }

    /// A keepalive is answered with failure, as everyone does who does not know it; what counts
    /// is that an answer comes.
    private mutating func receivedKeepalive(wantsReply: Bool) -> ConnectionEvent {
        keepalivesReceived += 1
        return receivedSettled(wantsReply: wantsReply, .requestFailure)
    }

    private mutating func receivedSettled(
        wantsReply: Bool,
        _ reply: ConnectionMessage
    ) -> ConnectionEvent {
        guard wantsReply else { return .nothing }
        guard globalReplies.count < limits.pendingQuestions else {
            return .violation("too many pending requests")
        }
        globalReplies.settled(reply)
        sendReadyGlobalReplies()
        return .nothing
    }

    /// Answers the oldest global request that went to the shell; settles the question.
    package mutating func answerGlobalRequest(_ reply: GlobalReply) {
        openQuestions -= 1
        globalReplies.answer(reply.message)
        sendReadyGlobalReplies()
    }

    private mutating func sendReadyGlobalReplies() {
        while let reply = globalReplies.popReady() { control.append(reply) }
    }

    /// Sends a global request; `.globalAnswered` follows if `wantsReply`, in order.
    package mutating func sendGlobalRequest(_ request: GlobalRequest) {
        if request.wantsReply { unansweredGlobalRequests += 1 }
        control.append(
            .globalRequest(
                type: request.type,
                wantsReply: request.wantsReply,
                payload: request.payload
            )
        )
    }

    mutating func receivedGlobalReply(_ reply: GlobalReply) -> ConnectionEvent {
        guard unansweredGlobalRequests > 0 else { return .nothing }
        unansweredGlobalRequests -= 1
        return .globalAnswered(reply)
    }
}

extension GlobalReply {
    fileprivate var message: ConnectionMessage {
        switch self {
        case .success(let payload): .requestSuccess(payload: payload)
        case .failure: .requestFailure
        }
    }
}
