/// The sshproxy backend: another SSH server.
package struct SSHProxyConfig: ConfigSection {
    package static let defaultHostKeyAlgorithms = [
        "ssh-ed25519-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp521-cert-v01@openssh.com",
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa-cert-v01@openssh.com", "ssh-rsa",
    ]
    private static let legacyHostKeyAlgorithms = ["ssh-dss-cert-v01@openssh.com", "ssh-dss"]

    package var server = ""
    package var port = 22
    package var usernamePassThrough = false
    package var username = ""
    package var password = Secret()
    package var privateKey = PEMSource()
    /// Of the private key.
    package var passphrase = Secret()
    /// Path of an SSH agent's socket on the gateway's machine; its keys are offered.
    package var agentSocket = ""
    /// `SHA256:` and unpadded base64; one of them must fit.
    package var allowedHostKeyFingerprints: [String] = []
    package var ciphers = SSHAlgorithms.ciphers
    package var kex = SSHAlgorithms.kex
    package var macs = SSHAlgorithms.macs
    package var hostKeyAlgorithms = defaultHostKeyAlgorithms
    /// For all tries to connect together.
    package var timeout: Duration = .seconds(60)
    package var clientVersion = "SSH-2.0-Berth"

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("server", &server)
        visitor.field("port", &port)
        visitor.field("usernamePassThrough", &usernamePassThrough)
        visitor.field("username", &username)
        visitor.field("password", &password)
        visitor.field("privateKey", &privateKey)
        visitor.field("passphrase", &passphrase)
        visitor.field("agentSocket", &agentSocket)
        visitor.field("allowedHostKeyFingerprints", &allowedHostKeyFingerprints)
        visitor.field("ciphers", &ciphers)
        visitor.field("kex", &kex)
        visitor.field("macs", &macs)
        visitor.field("hostKeyAlgos", &hostKeyAlgorithms)
        visitor.field("timeout", &timeout)
        visitor.field("clientVersion", &clientVersion)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("server", server)
        list.check("port", port, in: 1...65535)
        if !usernamePassThrough { list.checkSet("username", username) }
        list.checkSet("allowedHostKeyFingerprints", allowedHostKeyFingerprints)
        list.add(SSHAlgorithms.problems(at: path, ciphers: ciphers, kex: kex, macs: macs))
        list.check(
            "hostKeyAlgos",
            hostKeyAlgorithms,
            among: Self.defaultHostKeyAlgorithms + Self.legacyHostKeyAlgorithms
        )
        list.check("timeout", timeout, atLeast: .milliseconds(100))
        list.check(
            SSHAlgorithms.isIdentification(clientVersion),
            "clientVersion",
            clientVersion,
            "must be SSH-2.0-NAME, optionally a space and a comment, at most 253 bytes"
        )
        return list.problems
    }
}
