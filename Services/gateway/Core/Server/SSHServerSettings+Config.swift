package import SharedConfig
import SharedMessages
package import SharedSSH

extension SSHServerSettings {
    /// The `ssh` section in the engine's words.
    ///
    /// Names that the engine does not speak are left out; `SSHConfig.unspokenAlgorithms` lists
    /// them for the log. `methods` is what USERAUTH_FAILURE names before a webhook was asked, and
    /// `auth` says which public keys are accepted.
    package init(
        _ config: SSHConfig,
        auth: AuthConfig = AuthConfig(),
        host: HostIdentity,
        methods: [String]
    ) {
        let offered = config.hostKeyAlgorithms.compactMap(HostKeyAlgorithm.init(rawValue:))
        let transport = TransportSettings(
            identification: config.serverVersion,
            algorithms: TransportAlgorithms(
                keyExchanges: config.kex.compactMap(KeyExchangeMethod.init(rawValue:)),
                hostKeys: offered.isEmpty ? HostKeyAlgorithm.defaults : offered,
                ciphers: config.ciphers.compactMap(CipherAlgorithm.init(rawValue:)),
                macs: config.macs.compactMap(MACAlgorithm.init(rawValue:))
            ),
            hostKeys: host.keys,
            hostCertificates: host.certificates,
            userKeyAlgorithms: auth.acceptedKeyAlgorithms,
            rekeyLimit: RekeyLimit(bytes: UInt64(config.rekeyBytes))
        )
        self.init(
            transport: transport,
            authentication: AuthenticationSettings(
                banner: config.banner,
                maximumFailures: config.maxAuthTries,
                methods: methods,
                userKeyAlgorithms: auth.acceptedKeyAlgorithms,
                minimumRSABits: auth.publicKey.minimumRSABits
            ),
            limits: ConnectionLimits(channels: config.maxChannels),
            maximumConnections: config.maxConnections,
            loginGraceTime: config.loginGraceTime == .zero
                ? Self.noGraceLimit : config.loginGraceTime,
            loginGraceText: personText(.limitsLoginGraceExceeded, nil),
            clientAliveInterval: config.clientAliveInterval == .zero
                ? nil : config.clientAliveInterval,
            clientAliveCountMax: config.clientAliveCountMax,
            rekeyInterval: config.rekeyInterval == .zero ? nil : config.rekeyInterval,
            rekeyTimeout: config.rekeyTimeout
        )
    }

    /// What "no limit" means to a timer: a year.
    private static let noGraceLimit = Duration.seconds(365 * 24 * 3600)
}

extension ProxyHeaderPolicy {
    /// `nil` where no proxy is trusted.
    package init?(_ config: ProxyProtocolConfig) {
        let networks = config.trustedNetworks
        guard !networks.isEmpty else { return nil }
        self.init(isRequired: config.required, timeout: config.timeout) { host in
            guard let address = IPAddress(host) else { return false }
            return networks.contains { $0.contains(address) }
        }
    }
}

extension SSHConfig {
    /// Configured algorithms that the engine does not speak, in the order of the file.
    package var unspokenAlgorithms: [String] {
        kex.filter { KeyExchangeMethod(rawValue: $0) == nil }
            + ciphers.filter { CipherAlgorithm(rawValue: $0) == nil }
            + macs.filter { MACAlgorithm(rawValue: $0) == nil }
            + hostKeyAlgorithms.filter { HostKeyAlgorithm(rawValue: $0) == nil }
    }
}
