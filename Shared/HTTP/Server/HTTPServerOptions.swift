package import SharedConfig
package import SharedMessages

/// Where an `HTTPService` listens, and whom it lets in.
package struct HTTPServerOptions: Sendable {
    package var listen: ListenAddress
    /// `nil` serves without TLS.
    package var tls: TLSOptions?
    /// Whether to serve without TLS on an address that other machines reach.
    package var allowInsecure: Bool
    /// The permissions of a Unix socket; whoever may write may connect (unix(7)).
    package var socketMode: UInt32 = 0o660
    /// Silence after which a connection is closed.
    package var idleTimeout: Duration
    /// How long to try again while somebody else has the address.
    package var bindPatience = Duration.zero

    /// Certificates are PEM text.
    package struct TLSOptions: Sendable {
        package var certificate: String
        package var privateKey: String
        /// Only clients with a certificate below these roots are served; `nil` asks for none.
        package var clientRoots: String?
        package var minimumVersion: TLSVersion
        package var curves: [TLSCurve]
        package var ciphers: [TLSCipherSuite]

        package init(
            certificate: String,
            privateKey: String,
            clientRoots: String? = nil,
            minimumVersion: TLSVersion = .v13,
            curves: [TLSCurve] = [],
            ciphers: [TLSCipherSuite] = []
        ) {
            self.certificate = certificate
            self.privateKey = privateKey
            self.clientRoots = clientRoots
            self.minimumVersion = minimumVersion
            self.curves = curves
            self.ciphers = ciphers
        }
    }

    package init(
        listen: ListenAddress,
        tls: TLSOptions? = nil,
        allowInsecure: Bool = false,
        idleTimeout: Duration = .seconds(75)
    ) {
        self.listen = listen
        self.tls = tls
        self.allowInsecure = allowInsecure
        self.idleTimeout = idleTimeout
    }

    /// The options that a configuration block states. Reads the certificate files it names, so it
    /// blocks; call it at start-up.
    ///
    /// Throws a `CodedError`: `HTTP_SERVER_TLS_FAILED` when a file cannot be read,
    /// `HTTP_LISTEN_FAILED` when `listen` is no address.
    package init(_ config: HTTPServerConfig) throws(CodedError) {
        guard let listen = config.address else {
            throw CodedError(.httpListenFailed, detail: "\(config.listen) is no address")
        }
        self.init(listen: listen, allowInsecure: config.allowInsecure)
        guard config.usesTLS else { return }
        do {
            tls = TLSOptions(
                certificate: try config.certificate.load(),
                privateKey: try config.key.load(),
                clientRoots: try config.clientCACertificate.loadIfSet(),
                minimumVersion: config.tlsVersion,
                curves: config.curves,
                ciphers: config.ciphers
            )
        } catch {
            throw CodedError(.httpServerTLSFailed, detail: config.listen, cause: error)
        }
    }
}
