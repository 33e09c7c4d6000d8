// Connections that go through a session, and places to listen.
extension MessageCode {
    package static let forwardOpened = MessageCode(
        "FORWARD_OPENED",
        .info,
        isAudit: true,
        explanation: "A connection of the client to a target in its workspace has been made.",
        remedy: "Nothing: labels say which target and who connected."
    )
    package static let forwardFailed = MessageCode(
        "FORWARD_FAILED",
        .info,
        explanation: "A connection of the client to a target in its workspace could not be made.",
        personText: "The connection could not be made.",
        remedy: "Usually nothing listens at the target. The reason carries the backend's own code."
    )
    package static let forwardTimeout = MessageCode(
        "FORWARD_TIMEOUT",
        .info,
        explanation: """
            A connection in the workspace was not made within security.forwarding.connectTimeout.
            """,
        personText: "The target did not answer in time.",
        remedy: "Look at the target, or allow more time in security.forwarding.connectTimeout."
    )
    package static let forwardBadTarget = MessageCode(
        "FORWARD_BAD_TARGET",
        .debug,
        explanation: "A client asked for a port that does not exist or a path that is too long.",
        personText: "There is no such target.",
        remedy: "Nothing: the client's software or its user made a mistake."
    )
    package static let forwardUnsupported = MessageCode(
        "FORWARD_UNSUPPORTED",
        .info,
        explanation: "A client asked for forwarding, which the connection's backend cannot do.",
        personText: "Forwarding does not work here.",
        remedy: "Use a backend that can forward, such as sandbox, if people need it."
    )
    package static let forwardListening = MessageCode(
        "FORWARD_LISTENING",
        .info,
        isAudit: true,
        explanation: "Connections inside a workspace are accepted for the client from now on.",
        remedy: "Nothing: labels say where."
    )
    package static let forwardListenFailed = MessageCode(
        "FORWARD_LISTEN_FAILED",
        .info,
        explanation: "A client's request to accept connections in its workspace failed.",
        personText: "Nothing can listen there.",
        remedy: "Usually the port or path is in use. The reason carries the backend's own code."
    )
    package static let forwardListenEnded = MessageCode(
        "FORWARD_LISTEN_ENDED",
        .info,
        explanation: "Connections inside a workspace are no longer accepted at some place.",
        remedy: "Nothing: the client asked for it."
    )
    package static let forwardAccepted = MessageCode(
        "FORWARD_ACCEPTED",
        .debug,
        explanation: "A connection inside a workspace was brought to the client.",
        remedy: "Nothing: labels say where it was made and by whom."
    )
    package static let forwardAcceptFailed = MessageCode(
        "FORWARD_ACCEPT_FAILED",
        .warning,
        explanation: "A place inside a workspace stopped accepting connections by itself.",
        remedy: "Read the reason; often too many files are open. The client has to ask anew."
    )
    package static let forwardRefusedByClient = MessageCode(
        "FORWARD_REFUSED_BY_CLIENT",
        .debug,
        explanation: """
            A connection inside a workspace was closed as the client, or a limit, refused its \
            channel.
            """,
        remedy: "Look at the client: the target of its -R, its display or its agent is not there."
    )
    package static let forwardClosed = MessageCode(
        "FORWARD_CLOSED",
        .debug,
        explanation: "A forwarded connection is over; labels say how many bytes it carried.",
        remedy: "Nothing: this is how connections end."
    )

    /// The codes of forwarding.
    static let forwardCodes: [MessageCode] = [
        forwardOpened, forwardFailed, forwardTimeout, forwardBadTarget, forwardUnsupported,
        forwardListening, forwardListenFailed, forwardListenEnded, forwardAccepted,
        forwardAcceptFailed, forwardRefusedByClient, forwardClosed,
    ]
}
