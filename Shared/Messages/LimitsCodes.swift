// Limits, penalties and times of the gateway.
extension MessageCode {
    package static let limitsHostDenied = MessageCode(
        "LIMITS_HOST_DENIED",
        .info,
        isAudit: true,
        explanation: "A connection was refused because the rules for addresses forbid its source.",
        personText: "Connections from your address are not allowed.",
        remedy: "Nothing, if `limits.allow` and `limits.deny` say what they should."
    )
    package static let limitsSourceConnections = MessageCode(
        "LIMITS_SOURCE_CONNECTIONS",
        .warning,
        explanation: "A connection was refused because its source has as many as it may have.",
        personText: "There are too many connections from your address.",
        remedy: "Raise `limits.perSource.connections`, or add the network to `limits.exempt`."
    )
    package static let limitsSourceStartups = MessageCode(
        "LIMITS_SOURCE_STARTUPS",
        .warning,
        explanation: "A connection was refused because too many of its source have not logged in.",
        personText: "Too many connections from your address are waiting to log in.",
        remedy: "Many from one source are an attack or a client that hangs; otherwise raise "
            + "`limits.perSource.startups`, or add the network to `limits.exempt`."
    )
    package static let limitsStartupsDropped = MessageCode(
        "LIMITS_STARTUPS_DROPPED",
        .warning,
        explanation: "A connection was closed without a word because many others have not logged "
            + "in yet.",
        remedy: "Look for whom they are: an attack, or an identity provider that is slow. "
            + "`limits.startups` says from how many on connections are dropped."
    )
    package static let limitsConnectionRate = MessageCode(
        "LIMITS_CONNECTION_RATE",
        .warning,
        explanation: "A connection was refused because its source connects too often.",
        personText: "Your address connects too often. Please wait a moment.",
        remedy: "Raise `limits.perSource.connectionRate`, or add the network to `limits.exempt`."
    )
    package static let limitsPenalized = MessageCode(
        "LIMITS_PENALIZED",
        .warning,
        explanation: "A connection was refused because its source has failed too often lately.",
        personText: "Your address is refused after failed attempts. Please try again later.",
        remedy: "`berth penalties list` shows the source and for how long; `berth penalties clear` "
            + "lets it in again; `limits.exempt` protects networks that many people share."
    )
    package static let limitsPenaltiesFull = MessageCode(
        "LIMITS_PENALTIES_FULL",
        .error,
        explanation: "A connection was refused because as many sources have penalties as are kept.",
        personText: "The server takes no connections from new addresses at this time.",
        remedy: "This is an attack from many addresses. Raise `limits.tracked`, or set "
            + "`limits.penalties.overflow: permissive`, which forgets old sources for new ones."
    )
    package static let limitsPenaltyGiven = MessageCode(
        "LIMITS_PENALTY_GIVEN",
        .notice,
        isAudit: true,
        explanation: "A source has failed so often that its connections are refused for a time.",
        remedy: "Nothing for a single one. `berth penalties list` shows all."
    )
    package static let limitsBanned = MessageCode(
        "LIMITS_BANNED",
        .warning,
        isAudit: true,
        explanation: "A source was banned because it failed `limits.ban.failures` times.",
        remedy: "Nothing, or `berth penalties clear ADDRESS` if it was one of yours."
    )
    package static let limitsPenaltyCleared = MessageCode(
        "LIMITS_PENALTY_CLEARED",
        .notice,
        isAudit: true,
        explanation: "An operator has forgiven a source, or all.",
        remedy: "Nothing."
    )
    package static let limitsPenaltyUnknown = MessageCode(
        "LIMITS_PENALTY_UNKNOWN",
        .debug,
        explanation: "There is no penalty for this address.",
        remedy: "See `berth penalties list`; the penalty may have run out meanwhile."
    )
    package static let limitsSourceInvalid = MessageCode(
        "LIMITS_SOURCE_INVALID",
        .debug,
        explanation: "What was given is neither an IP address nor a network.",
        remedy: "Write 192.0.2.1, 2001:db8::1 or a network such as 2001:db8::/64."
    )
    package static let limitsUsernameRefused = MessageCode(
        "LIMITS_USERNAME_REFUSED",
        .info,
        isAudit: true,
        explanation: "A connection was ended because the rules forbid the login name.",
        personText: "This user name cannot be used here.",
        remedy: "Nothing, if `limits.usernames` says what it should."
    )
    package static let limitsAuthRate = MessageCode(
        "LIMITS_AUTH_RATE",
        .warning,
        isAudit: true,
        explanation: "A connection was ended because its user or source tries to authenticate too "
            + "often.",
        personText: "There were too many attempts to log in. Please wait a moment.",
        remedy: "The label `scope` says whose limit it was: `limits.perUser.authenticationRate` "
            + "or `limits.perSource.authenticationRate`."
    )
    package static let limitsUserConnections = MessageCode(
        "LIMITS_USER_CONNECTIONS",
        .warning,
        isAudit: true,
        explanation: "A login was refused because the user has as many connections as they may.",
        personText: "You have as many connections as you may have. Please close another one.",
        remedy: "Raise `limits.perUser.connections`, or let the config webhook do so for the user."
    )
    package static let limitsSessions = MessageCode(
        "LIMITS_SESSIONS",
        .warning,
        isAudit: true,
        explanation: "A session was refused because there are as many in all as there may be.",
        personText: "The server has as many sessions as it may have. Please try again later.",
        remedy: "Raise `limits.sessions`, or add a gateway."
    )
    package static let limitsUserSessions = MessageCode(
        "LIMITS_USER_SESSIONS",
        .warning,
        isAudit: true,
        explanation: "A session was refused because the user has as many as they may have.",
        personText: "You have as many sessions as you may have. Please close another one.",
        remedy: "Raise `limits.perUser.sessions`, or let the config webhook do so for the user."
    )
    package static let limitsSourceSessions = MessageCode(
        "LIMITS_SOURCE_SESSIONS",
        .warning,
        isAudit: true,
        explanation: "A session was refused because its source has as many as it may have.",
        personText: "There are too many sessions from your address.",
        remedy: "Raise `limits.perSource.sessions`, or add the network to `limits.exempt`."
    )
    package static let limitsSessionRate = MessageCode(
        "LIMITS_SESSION_RATE",
        .warning,
        isAudit: true,
        explanation: "A session was refused because its user or source opens them too often.",
        personText: "You open sessions too often. Please wait a moment.",
        remedy: "The label `scope` says whose limit it was: `limits.perUser.sessionRate` or "
            + "`limits.perSource.sessionRate`."
    )
    package static let limitsLoginGraceExceeded = MessageCode(
        "LIMITS_LOGIN_GRACE_EXCEEDED",
        .info,
        explanation: "A connection was ended because the login took longer than "
            + "`ssh.loginGraceTime`.",
        personText: "The time for logging in is over.",
        remedy: "Nothing for a single one; raise `ssh.loginGraceTime` if people need more time."
    )
    package static let limitsIdleTimeout = MessageCode(
        "LIMITS_IDLE_TIMEOUT",
        .info,
        isAudit: true,
        explanation: "A connection was ended because nothing happened on it for "
            + "`limits.idleTimeout`.",
        personText: "Nothing happened on this connection for too long.",
        remedy: "Nothing; the value can differ from user to user."
    )
    package static let limitsChannelIdleTimeout = MessageCode(
        "LIMITS_CHANNEL_IDLE_TIMEOUT",
        .info,
        isAudit: true,
        explanation: "A channel was closed because nothing happened on it for "
            + "`limits.channelIdleTimeout`.",
        personText: "Nothing happened here for too long.",
        remedy: "Nothing; the value can differ from user to user."
    )
    package static let limitsSessionExpires = MessageCode(
        "LIMITS_SESSION_EXPIRES",
        .info,
        explanation: "A person was told that their connection ends soon because of its age.",
        personText: "This connection will be ended because of its age.",
        remedy: "Nothing; `limits.maxSessionAgeWarning` says how long before the end."
    )
    package static let limitsSessionExpired = MessageCode(
        "LIMITS_SESSION_EXPIRED",
        .info,
        isAudit: true,
        explanation: "A connection was ended because it was older than `limits.maxSessionAge`.",
        personText: "This connection was ended because of its age. You may connect again.",
        remedy: "Nothing; the value can differ from user to user."
    )
    package static let limitsSharedUnavailable = MessageCode(
        "LIMITS_SHARED_UNAVAILABLE",
        .error,
        explanation: "The authd that counts for several gateways does not answer: this gateway "
            + "counts for itself until it does.",
        remedy:
            "Look at authd and at `limits.shared`. Until then a user may have, on each gateway, "
            + "as much as on all together."
    )
    package static let limitsSharedAvailable = MessageCode(
        "LIMITS_SHARED_AVAILABLE",
        .notice,
        explanation: "The authd that counts for several gateways answers (again).",
        remedy: "Nothing."
    )
    package static let limitsLeaseExpired = MessageCode(
        "LIMITS_LEASE_EXPIRED",
        .warning,
        explanation: "A gateway was not heard for too long; what it had counted is forgotten.",
        remedy: "Look at the gateway that the record names: it was stopped, died, or cannot reach "
            + "authd."
    )

    static let limitsCodes: [MessageCode] = [
        limitsHostDenied, limitsSourceConnections, limitsSourceStartups, limitsStartupsDropped,
        limitsConnectionRate, limitsPenalized, limitsPenaltiesFull, limitsPenaltyGiven,
        limitsBanned, limitsPenaltyCleared, limitsPenaltyUnknown, limitsSourceInvalid,
        limitsUsernameRefused, limitsAuthRate, limitsUserConnections, limitsSessions,
        limitsUserSessions, limitsSourceSessions, limitsSessionRate, limitsLoginGraceExceeded,
        limitsIdleTimeout, limitsChannelIdleTimeout, limitsSessionExpires, limitsSessionExpired,
        limitsSharedUnavailable, limitsSharedAvailable, limitsLeaseExpired,
    ]
}
