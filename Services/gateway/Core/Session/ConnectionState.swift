import MetricsClient
package import NIOCore
package import SharedConfig
package import SharedModels
import Synchronization

/// What the layers of one connection know about it together.
///
/// Identity and configuration become known step by step; a layer reads them through `facts` and
/// changes them through `update`.
package final class ConnectionState: Sendable {
    /// 32 lower-case hexadecimal digits; the same in logs, webhooks and recordings.
    package let connectionID: String
    package let remoteAddress: RemoteAddress
    /// Where the client came in, `host:port` or a path.
    package let listener: String
    package let eventLoop: any EventLoop
    package let country: CountrySlot
    /// `nil` where nothing is traced.
    package let trace: LoginTrace?
    private let acceptedAt: ContinuousClock.Instant
    private let hasOutput = Mutex(false)
    private let mutable: Mutex<ConnectionFacts>

    package init(
        connectionID: String,
        remoteAddress: RemoteAddress,
        listener: String = "",
        country: CountrySlot = CountrySlot(GatewayMetrics.unknownCountry),
        eventLoop: any EventLoop,
        acceptedAt: ContinuousClock.Instant = .now,
        trace: LoginTrace? = nil
    ) {
        self.acceptedAt = acceptedAt
        self.trace = trace
        self.country = country
        self.listener = listener
        self.connectionID = connectionID
        self.remoteAddress = remoteAddress
        self.eventLoop = eventLoop
        self.mutable = Mutex(ConnectionFacts())
    }

    /// A copy of what is known now.
    package var facts: ConnectionFacts { mutable.withLock { $0 } }

    /// How long after the connection came its first program sends something; `nil` but for the
    /// first call.
    func timeOfFirstOutput() -> Duration? {
        let isFirst = hasOutput.withLock { hasOutput in
            defer { hasOutput = true }
            return !hasOutput
        }
        return isFirst ? ContinuousClock.now - acceptedAt : nil
    }

    /// Changes what is known; `change` must not wait for anything.
    package func update(_ change: @Sendable (inout ConnectionFacts) -> Void) {
        mutable.withLock { change(&$0) }
    }
}

/// What is known of a connection at some moment.
package struct ConnectionFacts: Sendable {
    /// The client's identification line, empty before the handshake.
    package var clientVersion = ""
    /// The login name of the latest attempt.
    package var username = ""
    /// The verified identity; empty where the webhook named none.
    package var authenticatedUsername = ""
    /// How old the webhook's yes to the proven key is, where it was given earlier and cannot be
    /// had now.
    package var keyAnswerAge: Duration?
    /// What webhooks attached to the connection.
    package var carried = ConnectionMetadata()
    /// What the credential itself allows; `nil` where it sets no limits.
    package var credentialLimits: CredentialLimits?
    /// What the person gets; `nil` until the configuration has been asked.
    package var userConfig: UserConfig?

    package init() {}
}

/// Where a client comes from.
package struct RemoteAddress: Sendable, Hashable {
    /// IP address without port, brackets or zone; IPv4-mapped addresses as IPv4.
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        let unzoned = host.split(separator: "%").first.map(String.init) ?? host
        let mapped = "::ffff:"
        let isMapped = unzoned.lowercased().hasPrefix(mapped) && unzoned.contains(".")
        self.host = isMapped ? String(unzoned.dropFirst(mapped.count)) : unzoned
        self.port = port
    }

    /// `IP:port`, IPv6 in brackets.
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
