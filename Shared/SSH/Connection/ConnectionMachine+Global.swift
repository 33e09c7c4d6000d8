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
        default:
            guard admitQuestion() else { return .violation("too many pending requests") }
            globalReplies.ask(wantsReply: request.wantsReply)
            return .globalRequest(request)
        }
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
        switch reply {
        case .success(let payload): globalReplies.answer(.requestSuccess(payload: payload))
        case .failure: globalReplies.answer(.requestFailure)
        }
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
