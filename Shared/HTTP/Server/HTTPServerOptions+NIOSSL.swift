import NIOSSL
import SharedConfig
import SharedMessages

extension HTTPServerOptions.TLSOptions {
    /// The same in the terms of swift-nio-ssl.
    ///
    /// Throws a `CodedError` with code `HTTP_SERVER_TLS_FAILED` when a PEM text cannot be used.
    func configuration() throws(CodedError) -> TLSConfiguration {
        do {
            return try makeConfiguration()
        } catch {
            throw CodedError(.httpServerTLSFailed, cause: error)
        }
    }

    private func makeConfiguration() throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(privateKey.utf8), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = minimumVersion == .v13 ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if !curves.isEmpty { configuration.curves = curves.map(\.code) }
        let classic = ciphers.filter { !$0.isTLS13 }.map(\.openSSLName)
        if !classic.isEmpty { configuration.cipherSuites = classic.joined(separator: ":") }
        if let clientRoots {
            let roots = try NIOSSLCertificate.fromPEMBytes(Array(clientRoots.utf8))
            configuration.trustRoots = .certificates(roots)
            // Clients have no host name of their own; the chain is what counts.
            configuration.certificateVerification = .noHostnameVerification
        }
        return configuration
    }
}

extension TLSCurve {
    fileprivate var code: NIOTLSCurve {
        switch self {
        case .x25519: .x25519
        case .secp256r1: .secp256r1
        case .secp384r1: .secp384r1
        case .secp521r1: .secp521r1
        }
    }
}
