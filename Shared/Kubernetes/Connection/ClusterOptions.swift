package import SharedConfig

/// How an API server is reached and who we are to it.
package struct ClusterOptions: Sendable {
    package var address: ClusterAddress
    /// The name in the server's certificate; empty: that of the address.
    package var serverName = ""
    /// The only trusted roots, PEM; `nil` trusts the system's.
    package var trustedRoots: String?
    /// Whether the certificate is taken without looking at it.
    package var isInsecure = false
    package var credentials = ClusterCredentials.none
    /// A client certificate and its key, PEM.
    package var certificate: ClusterCertificate?
    /// For one whole call; streams and watches have none.
    package var timeout: Duration = .seconds(15)
    /// Calls per second of one `ClusterClient`, and how many may come at once.
    package var rate = 5.0
    package var burst = 10

    package init(address: ClusterAddress) { self.address = address }
}

package struct ClusterCertificate: Sendable, Hashable {
    package var chain: String
    package var key: Secret

    package init(chain: String, key: Secret) {
        self.chain = chain
        self.key = key
    }
}

/// What a call is authorized with.
package enum ClusterCredentials: Sendable, Hashable {
    case none
    case basic(username: String, password: Secret)
    case token(Secret)
    /// A file with a token, which is replaced from time to time.
    case tokenFile(String)
    /// A program that says a token or a certificate.
    case command(CredentialCommand)
}

/// A program of a kubeconfig that makes credentials (client.authentication.k8s.io).
package struct CredentialCommand: Sendable, Hashable {
    package var version: String
    package var command: String
    package var arguments: [String]
    package var environment: [String: String]
    /// The JSON text of the cluster, for programs that want it; empty: they do not.
    package var clusterInfo: String

    package init(
        version: String,
        command: String,
        arguments: [String] = [],
        environment: [String: String] = [:],
        clusterInfo: String = ""
    ) {
        self.version = version
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.clusterInfo = clusterInfo
    }
}
