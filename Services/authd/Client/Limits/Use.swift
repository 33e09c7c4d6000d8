/// Something of which a user, a source or everybody may have only so many at a time.
package struct Use: Codable, Sendable, Hashable {
    package enum Kind: String, Codable, Sendable {
        case connection
        case session
    }

    /// Unique within the gateway.
    package var id: String
    package var kind: Kind
    /// The verified identity.
    package var user: String
    /// A network in its text form; empty for a source without limits.
    package var source: String

    package init(id: String, kind: Kind, user: String, source: String) {
        self.id = id
        self.kind = kind
        self.user = user
        self.source = source
    }
}

/// How many there may be; 0 for no limit. Rates are written `30/1m`, empty for no limit.
package struct UseLimits: Codable, Sendable, Hashable {
    package var userConnections = 0
    package var userSessions = 0
    package var sourceSessions = 0
    package var sessions = 0
    package var userSessionRate = ""
    package var sourceSessionRate = ""

    package init() {}
}

/// Why something may not be used.
package struct UseRefusal: Codable, Sendable, Hashable {
    package enum Reason: String, Codable, Sendable, CaseIterable {
        case userConnections
        case userSessions
        case sourceSessions
        case sessions
        case userSessionRate
        case sourceSessionRate
    }

    package var reason: Reason
    package var current: Int
    package var maximum: Int

    package init(_ reason: Reason, current: Int, maximum: Int) {
        self.reason = reason
        self.current = current
        self.maximum = maximum
    }
}
