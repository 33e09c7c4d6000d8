// What happens between the gateway and its webhooks, beyond what ContainerSSH's list has codes for.
extension MessageCode {
    package static let webhookPaused = MessageCode(
        "WEBHOOK_PAUSED",
        .warning,
        explanation: """
            A webhook has failed so often in a row that nothing is sent to it for a while; the \
            label webhook says which. New logins that need it are told at once that they are not \
            possible.
            """,
        remedy: """
            Look at why the webhook does not answer: AUTH_BACKEND_ERROR and CONFIG_BACKEND_ERROR \
            name the reason. It is tried again by itself.
            """
    )
    package static let webhookResumed = MessageCode(
        "WEBHOOK_RESUMED",
        .notice,
        explanation: "A webhook that was left alone answers again.",
        remedy: "Nothing."
    )
    package static let webhookNotAsked = MessageCode(
        "WEBHOOK_NOT_ASKED",
        .debug,
        explanation: """
            A question was not sent because its webhook is left alone for a while, see \
            WEBHOOK_PAUSED.
            """,
        remedy: "Look at why the webhook does not answer."
    )
    package static let sshAuthFromCache = MessageCode(
        "SSH_AUTH_FROM_CACHE",
        .warning,
        isAudit: true,
        explanation: """
            Somebody logged in with a public key without the webhook being able to say so: it does \
            not answer, and `auth.cache` lets an earlier acceptance count. The label age says how \
            many seconds ago it was given. The recording says so too.
            """,
        remedy: """
            Bring the webhook back. Whoever lost the right to log in since that acceptance may \
            have got in; `auth.cache.maximumAge` bounds for how long.
            """
    )

    package static let sessionEventDelayed = MessageCode(
        "SESSION_EVENT_DELAYED",
        .warning,
        explanation: """
            The session webhook did not take an event; it is sent again. Sessions do not wait for \
            it.
            """,
        remedy: "Look at why the webhook at `sessionEvents.url` does not answer with status 2xx."
    )
    package static let sessionEventDropped = MessageCode(
        "SESSION_EVENT_DROPPED",
        .error,
        explanation: """
            An event was not delivered to the session webhook: it refused it with a status 4xx, \
            did not take it for `sessionEvents.maximumAge`, too many events wait already, or the \
            gateway ends.
            """,
        remedy: """
            The label reason says which. Bring the webhook back or mend it; the log has the same \
            facts under SESSION_CREATED and SESSION_ENDED.
            """
    )

    static let webhookCodes: [MessageCode] = [
        webhookPaused, webhookResumed, webhookNotAsked, sshAuthFromCache, sessionEventDelayed,
        sessionEventDropped,
    ]
}
