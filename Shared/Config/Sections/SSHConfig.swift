/// The SSH server.
package struct SSHConfig: ConfigSection {
    package var listen: ListenList = "0.0.0.0:2222"
    /// Connections that may wait to be accepted, per listener; the kernel cuts it to `somaxconn`.
    package var listenBacklog = 1024
    /// Opens every TCP listener once per event loop (SO_REUSEPORT).
    package var reusePort = false
    package var proxyProtocol = ProxyProtocolConfig()
    /// How long connections may go on in a gateway whose successor has taken over.
    package var restartDrainTime: Duration = .seconds(24 * 3600)
    /// The identification line without CR LF (RFC 4253 §4.2).
    package var serverVersion = "SSH-2.0-Berth"
    package var ciphers = SSHAlgorithms.ciphers
    package var kex = SSHAlgorithms.serverKex
    package var macs = SSHAlgorithms.serverMACs
    /// Shown before authentication, as it is.
    package var banner = ""
    package var hostKeys: [PEMSource] = []
    /// Texts or files of OpenSSH certificates for these keys.
    package var hostCertificates: [String] = []
    /// Which of the keys' and certificates' algorithms are offered; empty: all but the weak ones.
    package var hostKeyAlgorithms: [String] = []
    /// Where a host key is kept that was made at the first start; empty: beside the config file.
    package var hostKeyFile = ""
    /// Zero: no keepalive; otherwise at least 1 s.
    package var clientAliveInterval: Duration = .zero
    package var clientAliveCountMax = 3
    /// Time from connecting to being authenticated; zero: no limit.
    package var loginGraceTime: Duration = .seconds(120)
    package var maxAuthTries = 6
    package var maxConnections = 10_000
    /// Channels open at a time on one connection.
    package var maxChannels = 256
    /// Keys are exchanged again after this many bytes in one direction.
    package var rekeyBytes = 1 << 30
    /// Keys are exchanged again after this time; zero: only by bytes.
    package var rekeyInterval: Duration = .seconds(3600)
    /// How long that may take.
    package var rekeyTimeout: Duration = .seconds(120)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("listen", &listen)
        visitor.field("listenBacklog", &listenBacklog)
        visitor.field("reusePort", &reusePort)
        visitor.section("proxyProtocol", &proxyProtocol)
        visitor.field("restartDrainTime", &restartDrainTime)
        visitor.field("serverVersion", &serverVersion)
        visitor.field("ciphers", &ciphers)
        visitor.field("kex", &kex)
        visitor.field("macs", &macs)
        visitor.field("banner", &banner)
        visitor.field("hostkeys", &hostKeys)
        visitor.field("hostCertificates", &hostCertificates)
        visitor.field("hostKeyAlgorithms", &hostKeyAlgorithms)
        visitor.field("hostKeyFile", &hostKeyFile)
        visitor.field("clientAliveInterval", &clientAliveInterval)
        visitor.field("clientAliveCountMax", &clientAliveCountMax)
        visitor.field("loginGraceTime", &loginGraceTime)
        visitor.field("maxAuthTries", &maxAuthTries)
        visitor.field("maxConnections", &maxConnections)
        visitor.field("maxChannels", &maxChannels)
        visitor.field("rekeyBytes", &rekeyBytes)
        visitor.field("rekeyInterval", &rekeyInterval)
        visitor.field("rekeyTimeout", &rekeyTimeout)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.add(listen.problems(at: join(path, "listen")))
        list.check("listenBacklog", listenBacklog, in: 1...65_535)
        list.check("restartDrainTime", restartDrainTime, atLeast: .zero)
        list.check(
            SSHAlgorithms.isIdentification(serverVersion),
            "serverVersion",
            serverVersion,
            "must be SSH-2.0-NAME, optionally a space and a comment, at most 253 bytes"
        )
        list.add(SSHAlgorithms.problems(at: path, ciphers: ciphers, kex: kex, macs: macs))
        list.add(SSHAlgorithms.problems(at: path, hostKeyAlgorithms: hostKeyAlgorithms))
        list.check(
            clientAliveInterval == .zero || clientAliveInterval >= .seconds(1),
            "clientAliveInterval",
            clientAliveInterval.goText,
            "must be 0s or at least 1s"
        )
        list.check("clientAliveCountMax", clientAliveCountMax, in: 1...Int.max)
        list.check("loginGraceTime", loginGraceTime, atLeast: .zero)
        list.check("maxAuthTries", maxAuthTries, in: 1...1000)
        list.check("maxConnections", maxConnections, in: 1...1_000_000)
        list.check("maxChannels", maxChannels, in: 1...10_000)
        // Smaller values would spend the connection on key exchanges; RFC 4253 §9 has 1 GiB.
        list.check("rekeyBytes", rekeyBytes, in: 1 << 20...1 << 40)
        list.check(
            rekeyInterval == .zero || rekeyInterval >= .seconds(10),
            "rekeyInterval",
            rekeyInterval.goText,
            "must be 0s or at least 10s"
        )
        list.check("rekeyTimeout", rekeyTimeout, atLeast: .seconds(1))
        return list.problems
    }
}
