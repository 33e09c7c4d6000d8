import SharedConfig
import SharedMessages

/// Where the backend's connections go and how they log in; the configuration with its files read.
struct SSHProxyTarget: Sendable {
    let config: SSHProxyConfig
    /// The private key's text, empty for none.
    let privateKey: String

    /// Reads the key file, so it may block.
    init(_ config: SSHProxyConfig) throws {
        self.config = config
        do {
            privateKey = try config.privateKey.load()
        } catch {
            throw CodedError(.backendConfigError, detail: "sshproxy.privateKey", cause: error)
        }
        try Transport.checkKey(privateKey, passphrase: config.passphrase.reveal())
    }

    /// Who somebody is there.
    func username(for login: String) -> String {
        config.usernamePassThrough ? login : config.username
    }

    /// In libssh's spelling: one list with commas.
    static func list(_ names: [String]) -> String {
        names.map { renamed[$0] ?? $0 }.joined(separator: ",")
    }

    /// Go's names of algorithms, which ContainerSSH's files have.
    private static let renamed = ["tripledescbcID": "3des-cbc"]
}
