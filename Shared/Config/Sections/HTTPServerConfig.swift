/// How an HTTP server listens; the keys stand directly in the section that uses it.
package struct HTTPServerConfig: ConfigSection {
    /// `host:port` or `unix:///path`.
    package var listen = "0.0.0.0:8080"
    /// Server key and certificate; both set means HTTPS.
    package var key = PEMSource()
    package var certificate = PEMSource()
    /// If set, with TLS: clients must show a certificate that these roots signed.
    package var clientCACertificate = PEMSource()
    package var tlsVersion = TLSVersion.v13
    package var curves = TLSCurve.allCases
    package var ciphers = TLSCipherSuite.standard
    /// Lets a daemon listen without TLS where other machines can reach it.
    package var allowInsecure = false

    package init() {}

    package init(listen: String) {
        self.listen = listen
    }

    /// The parsed `listen`; `nil` only where the rules of this section are broken.
    package var address: ListenAddress? { ListenAddress(listen) }

    package var usesTLS: Bool { !certificate.isEmpty && !key.isEmpty }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("listen", &listen)
        visitor.field("key", &key)
        visitor.field("cert", &certificate)
        visitor.field("clientcacert", &clientCACertificate)
        visitTLS(&visitor, version: &tlsVersion, curves: &curves, ciphers: &ciphers)
        visitor.field("allowInsecure", &allowInsecure)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(address != nil, "listen", listen, "must be host:port or unix:///path")
        list.check(certificate.isEmpty == key.isEmpty, "cert", nil, "and key must be set together")
        list.check(
            clientCACertificate.isEmpty || usesTLS,
            "clientcacert",
            nil,
            "needs cert and key, or client certificates are never asked for"
        )
        list.check(!curves.isEmpty, "curves", nil, "must not be empty")
        list.check(!ciphers.isEmpty, "cipher", nil, "must not be empty")
        return list.problems
    }

    /// The rules of a server that answers other daemons and so must not be open to everyone.
    func internalProblems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        let isSafe = address?.isLocal ?? true || usesTLS || allowInsecure
        list.check(
            isSafe,
            "listen",
            listen,
            "can be reached from other machines: set cert and key, or allowInsecure: true"
        )
        return problems(at: path) + list.problems
    }
}
