import Foundation
package import SharedConfig

extension ClusterOptions {
    /// Where a pod finds who it is to its own cluster.
    package static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// As the section `kubernetes.connection` describes it; `timeout` is that of the section
    /// `timeouts`. Reads files and so blocks.
    ///
    /// Without credentials and with the default host it is the service account of the pod that
    /// this process runs in. Throws `ClusterUnreachable` with what is wrong.
    package init(
        _ config: KubernetesConnectionConfig,
        timeout: Duration,
        serviceAccount folder: String = Self.serviceAccountFolder
    ) throws {
        if !config.kubeconfig.isEmpty {
            self = try Kubeconfig.load(config.kubeconfig, context: config.context)
        } else {
            guard let address = ClusterAddress(config.host) else {
                throw ClusterUnreachable("\(config.host) is no address of an API server")
            }
            self.init(address: address)
            try take(config)
            if config.isInsideCluster { try useServiceAccount(folder) }
        }
        self.timeout = timeout
        rate = config.qps
        burst = config.burst
    }

    private mutating func take(_ config: KubernetesConnectionConfig) throws {
        serverName = config.serverName
        isInsecure = config.insecure
        trustedRoots = try Self.text(config.caCertificate, config.caCertificateFile)
        if let chain = try Self.text(config.certificate, config.certificateFile) {
            guard let key = try Self.text(config.key, config.keyFile) else {
                throw ClusterUnreachable("a certificate without a key")
            }
            certificate = ClusterCertificate(chain: chain, key: Secret(key))
        }
        if !config.bearerTokenFile.isEmpty {
            credentials = .tokenFile(config.bearerTokenFile)
        } else if !config.bearerToken.isEmpty {
            credentials = .token(config.bearerToken)
        } else if !config.username.isEmpty {
            credentials = .basic(username: config.username, password: config.password)
        }
    }

    private mutating func useServiceAccount(_ folder: String) throws {
        let token = folder + "/token"
        guard FileManager.default.fileExists(atPath: token) else {
            throw ClusterUnreachable("no credentials are configured, and there is no \(token)")
        }
        credentials = .tokenFile(token)
        trustedRoots = try Self.text(PEMSource(folder + "/ca.crt"), "")
    }

    private static func text(_ source: PEMSource, _ file: String) throws -> String? {
        let source = source.isEmpty ? PEMSource(file) : source
        guard !source.isEmpty else { return nil }
        do {
            return try source.load()
        } catch {
            throw ClusterUnreachable("\(file): \(error.localizedDescription)")
        }
    }
}

extension KubernetesConnectionConfig {
    /// Whether nothing is said that a pod does not know by itself.
    fileprivate var isInsideCluster: Bool {
        host == KubernetesConnectionConfig().host && username.isEmpty && bearerToken.isEmpty
            && bearerTokenFile.isEmpty && certificate.isEmpty && certificateFile.isEmpty
    }
}
