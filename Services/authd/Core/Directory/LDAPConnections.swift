import Logging
import SharedLogging
import SharedMessages
import Synchronization

/// Connections to the directory's servers, kept for the next call, and the fail-over between the
/// servers. Every call may block.
final class LDAPConnections: Sendable {
    /// A connection proves to be one and then the other, never both: those that try people's
    /// passwords do not look anybody up.
    enum Role: Sendable, Hashable {
        case service
        case person
    }

    private struct Place: Hashable {
        let server: Int
        let role: Role
    }

    private struct Idle {
        let connection: LDAPConnection
        let since: ContinuousClock.Instant
    }

    private struct State {
        var servers: LDAPServerList
        var idle: [Place: [Idle]] = [:]
    }

    /// Servers end connections that nobody uses; after that long a new one is made.
    private static let longestIdle = Duration.seconds(60)
    /// For each server and role.
    private static let mostIdle = 16

    private let servers: [LDAPConnection.Server]
    private let account: (name: String, password: [UInt8])
    private let logger: Logger
    private let state: Mutex<State>

    init(
        _ servers: [LDAPConnection.Server],
        account: (name: String, password: [UInt8]),
        retryAfter: Duration,
        logger: Logger
    ) {
        self.servers = servers
        self.account = account
        self.logger = logger
        let list = LDAPServerList(count: servers.count, retryAfter: retryAfter)
        state = Mutex(State(servers: list))
    }

    /// Asks one server after the other until one answers, be it with a refusal.
    ///
    /// Throws `AUTHD_LDAP_UNAVAILABLE` when none does, and `LDAPFailure.refused`.
    func ask<Value>(
        _ role: Role,
        _ body: (LDAPConnection) throws(LDAPFailure) -> Value
    ) throws -> Value {
        var last = "every server has just failed"
        for server in state.withLock({ $0.servers.candidates(at: .now) }) {
            do {
                return try ask(Place(server: server, role: role), body)
            } catch {
                if case .refused = error { throw error }
                last = "\(servers[server].url): \(error.text)"
            }
        }
        throw CodedError(.authdLDAPUnavailable, detail: last, isRetryable: true)
    }

    /// A connection that was kept may have ended meanwhile; a new one then shows how the server is.
    private func ask<Value>(
        _ place: Place,
        _ body: (LDAPConnection) throws(LDAPFailure) -> Value
    ) throws(LDAPFailure) -> Value {
        if let kept = take(place) {
            do {
                return try use(kept, place, body)
            } catch .lost {
                state.withLock { $0.idle[place] = nil }
            } catch {
                throw error
            }
        }
        let connection = try open(place)
        do {
            return try use(connection, place, body)
        } catch {
            // The library connects with the first call, which may have been this one.
            if case .lost(let text) = error, !bindsFirst(place) { noteDown(place.server, text) }
            throw error
        }
    }

    private func use<Value>(
        _ connection: LDAPConnection,
        _ place: Place,
        _ body: (LDAPConnection) throws(LDAPFailure) -> Value
    ) throws(LDAPFailure) -> Value {
        do {
            let value = try body(connection)
            keep(connection, place)
            return value
        } catch .refused(let text, let policy) {
            keep(connection, place)
            throw .refused(text, policy)
        } catch .silent {
            noteDown(place.server, "no answer in time")
            throw .silent
        } catch {
            throw error
        }
    }

    private func open(_ place: Place) throws(LDAPFailure) -> LDAPConnection {
        do {
            let connection = try LDAPConnection(servers[place.server])
            if bindsFirst(place) { try connection.bind(account.name, account.password) }
            return connection
        } catch {
            var failure = error
            if case .refused(let text, _) = failure {
                failure = .failed("the account \(account.name): \(text)")
            }
            noteDown(place.server, failure.text)
            throw failure
        }
    }

    /// Without an account the service says nothing about who it is.
    private func bindsFirst(_ place: Place) -> Bool {
        place.role == .service && !account.name.isEmpty
    }

    private func take(_ place: Place) -> LDAPConnection? {
        state.withLock { state in
            while let idle = state.idle[place]?.popLast() {
                if ContinuousClock.now - idle.since < Self.longestIdle { return idle.connection }
            }
            return nil
        }
    }

    private func keep(_ connection: LDAPConnection, _ place: Place) {
        noteUp(place.server)
        state.withLock { state in
            guard state.idle[place, default: []].count < Self.mostIdle else { return }
            state.idle[place, default: []].append(Idle(connection: connection, since: .now))
        }
    }

    private func noteDown(_ server: Int, _ reason: String) {
        let isNew = state.withLock { $0.servers.failed(server, at: .now) }
        guard isNew else { return }
        logger.emit(
            .authdLDAPServerDown,
            ["server": .string(servers[server].url), LogLabel.reason: .string(reason)]
        )
    }

    private func noteUp(_ server: Int) {
        let time = state.withLock { $0.servers.answered(server, at: .now) }
        guard let time else { return }
        logger.emit(
            .authdLDAPServerUp,
            [
                "server": .string(servers[server].url),
                "seconds": .stringConvertible(time.components.seconds),
            ]
        )
    }
}
