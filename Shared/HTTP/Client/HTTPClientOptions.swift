package import SharedConfig

/// Where an `HTTPClient` calls, and within which limits.
package struct HTTPClientOptions: Sendable {
    /// `http://…`, `https://…` or `unix:///path/of/socket`; paths of calls are appended to it.
    package var url: String
    /// Whole time of a call that states no limit of its own.
    package var timeout: Duration
    /// Time to connect, TLS handshake included; never more than the call's own limit.
    package var connectTimeout: Duration
    /// Whether 3xx with `Location` is followed; otherwise it is an error.
    package var allowRedirects: Bool
    /// Redirects followed for one call before it fails.
    package var maximumRedirects: Int
    /// Most bytes that `send` accepts as a reply's body.
    package var replyLimit: Int
    /// Open connections; further calls wait within their own time limit.
    package var maximumConnections: Int
    /// Calls under way or waiting; one more is refused at once.
    package var maximumCalls: Int
    package var tls: TLSOptions

    /// Certificates are PEM text; a caller that has a file name reads the file first.
    package struct TLSOptions: Sendable {
        /// The only trusted roots, PEM; `nil` trusts the system's.
        package var trustedRoots: String?
        /// Client certificate chain, PEM.
        package var certificate: String?
        /// Private key of `certificate`, PEM.
        package var privateKey: String?
        package var minimumVersion: TLSVersion
        /// In order of preference; empty leaves the library's choice.
        package var curves: [TLSCurve]
        /// Of TLS 1.2 and 1.3 together; empty leaves the library's choice.
        package var ciphers: [TLSCipherSuite]

        package init(
            trustedRoots: String? = nil,
            certificate: String? = nil,
            privateKey: String? = nil,
            minimumVersion: TLSVersion = .v13,
            curves: [TLSCurve] = [],
            ciphers: [TLSCipherSuite] = []
        ) {
            self.trustedRoots = trustedRoots
            self.certificate = certificate
            self.privateKey = privateKey
            self.minimumVersion = minimumVersion
            self.curves = curves
            self.ciphers = ciphers
        }
    }

    package init(
        url: String,
        timeout: Duration = .seconds(2),
        connectTimeout: Duration = .seconds(5),
        allowRedirects: Bool = false,
        maximumRedirects: Int = 5,
        replyLimit: Int = 4 << 20,
        maximumConnections: Int = 64,
        maximumCalls: Int = 4096,
        tls: TLSOptions = TLSOptions()
    ) {
        self.url = url
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.allowRedirects = allowRedirects
        self.maximumRedirects = maximumRedirects
        self.replyLimit = replyLimit
        self.maximumConnections = maximumConnections
        self.maximumCalls = maximumCalls
        self.tls = tls
    }
}
