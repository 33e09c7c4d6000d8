import ArgumentParser
import SharedConfig

/// The certificates for a daemon that is reached by https.
struct TLSOptions: ParsableArguments {
    @Option(name: .customLong("cacert"), help: "For https: the authority of its certificate.")
    var authority = ""

    @Option(name: .customLong("cert"), help: "For https: the certificate to show.")
    var certificate = ""

    @Option(
        name: [.customLong("cert-key"), .customLong("key")],
        help: "For https: the key of --cert."
    )
    var certificateKey = ""

    /// How `server` is called with them.
    func client(_ server: String) -> HTTPClientConfig {
        var config = HTTPClientConfig(url: server)
        config.caCertificate = PEMSource(authority)
        config.certificate = PEMSource(certificate)
        config.key = PEMSource(certificateKey)
        return config
    }
}
