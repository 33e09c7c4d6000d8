package import SharedConfig
package import SharedMessages

extension HTTPClientOptions {
    /// The options that a configuration block states. Reads the certificate files it names, so it
    /// blocks; call it at start-up.
    ///
    /// Throws a `CodedError` with code `HTTP_CLIENT_TLS_FAILED` when a file cannot be read.
    package init(_ config: HTTPClientConfig) throws(CodedError) {
        self.init(url: config.url, timeout: config.timeout, allowRedirects: config.allowRedirects)
        do {
            tls.trustedRoots = try config.caCertificate.loadIfSet()
            tls.certificate = try config.certificate.loadIfSet()
            tls.privateKey = try config.key.loadIfSet()
        } catch {
            throw CodedError(.httpClientTLSFailed, detail: config.url, cause: error)
        }
        tls.minimumVersion = config.tlsVersion
        tls.curves = config.curves
        tls.ciphers = config.ciphers
    }
}

extension PEMSource {
    func loadIfSet() throws -> String? { isEmpty ? nil : try load() }
}
