/// How a client speaks SSH.
package struct SSHClientSettings: Sendable {
    /// Version string, algorithms, and whether a host key is trusted.
    package var transport: TransportSettings
    package var limits: ConnectionLimits
    /// How long the TCP connection may take.
    package var connectTime: Duration
    /// How long the server may take for any one answer.
    package var replyTime: Duration
    /// Whether a channel that the server opens is refused, and why; the others are for
    /// `SSHClient.nextChannel()`.
    package var refusal: @Sendable (ServerChannelOpening) -> ChannelOpenRefused? = { _ in
        ChannelOpenRefused(reason: 1, text: "not asked for")
    }

    package init(
        transport: TransportSettings,
        limits: ConnectionLimits = ConnectionLimits(),
        connectTime: Duration = .seconds(10),
        replyTime: Duration = .seconds(60)
    ) {
        self.transport = transport
        self.limits = limits
        self.connectTime = connectTime
        self.replyTime = replyTime
    }
}

/// How a client proves who it is (RFC 4252).
package enum ClientCredential: Sendable {
    case none
    case password(String)
    /// Asks whether the key would do, proves nothing.
    case publicKeyProbe(SSHPublicKey, SSHSignatureAlgorithm)
    case publicKey(SSHPrivateKey, SSHSignatureAlgorithm)
    /// The same with an algorithm's name, a blob and a signature of any kind: certificates,
    /// security keys, and what is wrong on purpose.
    case rawKeyProbe(algorithm: String, blob: [UInt8])
    case rawKey(
        algorithm: String,
        blob: [UInt8],
        signature: @Sendable ([UInt8]) throws -> [UInt8]
    )
    /// Asks to be questioned (RFC 4256 §3.1).
    case keyboardInteractive(devices: String = "")
    /// RFC 4252 §8.
    case passwordChange(old: String, new: String)
}

/// What the server made of it.
package enum ClientAuthenticationResult: Sendable, Hashable {
    case authenticated
    /// The probed key would do.
    case keyAcceptable
    /// The server has questions; go on with `answer`.
    case challenged(KeyboardChallenge)
    /// `methods` can continue; `isPartial` when this one counted (RFC 4252 §5.1).
    case refused(methods: [String], isPartial: Bool)
}

/// Why something asked of a client did not happen.
package enum SSHClientError: Error, Sendable, Hashable {
    /// The connection is over.
    case closed(ConnectionEnd)
    /// The server did not grant the service.
    case serviceRefused
    /// The server refused the channel (RFC 4254 §5.1).
    case channelRefused(reason: UInt32, text: String)
    /// The key could not sign.
    case signingFailed
}
