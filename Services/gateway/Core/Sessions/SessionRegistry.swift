import Foundation
package import GatewayClient
package import Logging
import SharedLogging
package import SharedMessages
package import SharedSSH
import Synchronization

/// The live connections of this gateway: for who asks what is open, and to end one.
package final class SessionRegistry: Sendable {
    private let live = Mutex<[String: LiveSession]>([:])
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// Adds a connection; `remove` takes it out at its end.
    package func add(_ session: LiveSession) {
        live.withLock { $0[session.state.connectionID] = session }
    }

    package func remove(_ connectionID: String) {
        _ = live.withLock { $0.removeValue(forKey: connectionID) }
    }

    /// What is open now, the oldest first.
    package func records() -> [SessionRecord] {
        live.withLock { Array($0.values) }.map(\.record).sorted {
            ($0.startedAt, $0.id) < ($1.startedAt, $1.id)
        }
    }

    /// Ends a connection, telling the person why.
    ///
    /// - Throws: `CodedError` with `GATEWAY_SESSION_UNKNOWN`.
    package func kill(_ connectionID: String, _ kill: SessionKill) throws(CodedError) {
        guard let session = live.withLock({ $0[connectionID] }) else {
            throw CodedError(.gatewaySessionUnknown, detail: connectionID)
        }
        logger.emit(
            .gatewaySessionRevoked,
            [
                "connectionId": "\(connectionID)",
                "username": "\(session.state.facts.username)",
                "remoteAddr": "\(session.state.remoteAddress.host)",
                "actor": "\(kill.actor ?? "")",
                "reason": "\(kill.reason)",
            ]
        )
        session.control.disconnect(
            ServerRefusal(
                reason: .byApplication,
                text: personText(.gatewaySessionRevoked, nil) + " " + kill.reason
            )
        )
    }
}

/// A connection that is open, and what can be asked and done about it.
package final class LiveSession: Sendable {
    let state: ConnectionState
    let control: any ServerConnectionControl
    let start = ContinuousClock.now
    private let startedAt = Date()
    private let counts = Mutex((sessions: 0, isAuthenticated: false))

    package init(state: ConnectionState, control: any ServerConnectionControl) {
        self.state = state
        self.control = control
    }

    /// How long it has been open.
    var age: Duration { ContinuousClock.now - start }

    var isAuthenticated: Bool { counts.withLock { $0.isAuthenticated } }

    func authenticated() { counts.withLock { $0.isAuthenticated = true } }

    func sessionOpened() { counts.withLock { $0.sessions += 1 } }

    func sessionClosed() { counts.withLock { $0.sessions -= 1 } }

    var record: SessionRecord {
        let (sessions, isAuthenticated) = counts.withLock { $0 }
        let facts = state.facts
        let traffic = control.traffic
        return SessionRecord(
            id: state.connectionID,
            username: facts.username,
            authenticatedUsername: facts.authenticatedUsername,
            isAuthenticated: isAuthenticated,
            remoteAddress: state.remoteAddress.host,
            clientVersion: facts.clientVersion,
            startedAt: startedAt.timeIntervalSince1970,
            age: age / .seconds(1),
            openSessions: sessions,
            bytesReceived: traffic.received,
            bytesSent: traffic.sent
        )
    }
}
