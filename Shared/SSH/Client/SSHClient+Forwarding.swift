import DequeModule
import NIOCore

/// Forwards of a client (RFC 4254 §7; OpenSSH's PROTOCOL §2.4).
extension SSHClient {
    /// A channel that the server has opened.
    package struct Arrival: Sendable {
        package let opening: ServerChannelOpening
        package let channel: SSHClientSession
    }

    /// Opens a channel to an address on the server's side.
    ///
    /// - Throws: `SSHClientError.channelRefused` with the server's reason and text.
    package func connect(to target: ForwardTarget) async throws -> SSHClientSession {
        let opening = ChannelOpening.direct(target)
        let number = try await openChannel(type: opening.type, payload: opening.payload)
        return SSHClientSession(number: number, client: self)
    }

    /// Has the server accept connections for this client, see `nextChannel()`.
    ///
    /// - Returns: the port, where that was left open; `nil` when the server refuses.
    package func listen(_ address: ForwardAddress) async throws -> UInt32? {
        let request = ListenRequest.begin(address).wire
        guard case .success(var payload) = try await globalRequest(request.type, request.payload)
        else { return nil }
        switch address {
        case .tcp(_, port: 0): return payload.readInteger()
        case .tcp(_, let port): return port
        case .unixSocket: return 0
        }
    }

    /// Has the server accept no more; whether it did before.
    package func cancelListen(_ address: ForwardAddress) async throws -> Bool {
        let request = ListenRequest.cancel(address).wire
        guard case .success = try await globalRequest(request.type, request.payload) else {
            return false
        }
        return true
    }

    /// The next channel that the server has opened, as far as the settings let it.
    package func nextChannel() async throws -> Arrival {
        if let arrival = arrivals.popFirst() { return arrival }
        return try await wait { arrivalWaiters.append($0) }
    }

    func answer(_ number: UInt32, _ opening: ChannelOpening) {
        guard case .fromServer(let opening) = opening else { return }
        if let refusal = settings.refusal(opening) {
            let reason = ChannelOpenFailureReason(rawValue: refusal.reason) ?? .connectFailed
            return io.connection.refuseOpen(number, reason, text: refusal.text)
        }
        guard io.connection.acceptOpen(number) else { return }
        io.openInbox(number)
        sessions[number] = SessionState()
        let channel = SSHClientSession(number: number, client: self)
        let arrival = Arrival(opening: opening, channel: channel)
        if let waiter = arrivalWaiters.popFirst() {
            waiter.resume(returning: arrival)
        } else {
            arrivals.append(arrival)
        }
    }

    func wasToldEndOfWrite(_ number: UInt32) -> Bool {
        sessions[number]?.wasToldEndOfWrite ?? false
    }
}
