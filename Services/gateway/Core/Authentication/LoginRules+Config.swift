import Foundation
package import SharedConfig
package import SharedMessages
import SharedSSH

extension LoginRules {
    /// The `auth` section in the gateway's words. Reads the files of trusted authorities, so it
    /// blocks; call it at start-up.
    ///
    /// Throws a `CodedError` `SSH_AUTH_CA_UNUSABLE` for an entry that is no key, and for a file
    /// that cannot be read or holds none.
    package init(_ config: AuthConfig) throws(CodedError) {
        var certificates: CertificateRules?
        if config.certificates.mode != .off {
            certificates = CertificateRules(
                config.certificates,
                authorities: try Self.authorities(config.certificates.trustedCAs),
                minimumRSABits: config.publicKey.minimumRSABits
            )
        }
        let list = config.certificates.revokedKeys
        self.init(
            require: config.require,
            requireTouch: config.publicKey.requireTouch,
            requireUserVerification: config.publicKey.requireUserVerification,
            certificates: certificates,
            revokedKeys: list.isEmpty ? nil : RevokedKeys(path: list),
            privilegedUsers: TextPatternList(config.privilegedUsers)
        )
    }

    private static func authorities(_ entries: [String]) throws(CodedError) -> [SSHPublicKey] {
        var keys: [SSHPublicKey] = []
        for entry in entries { keys += try authorities(entry) }
        return keys
    }

    /// The key of a line, or those of a file; no file's name is a line with a key.
    private static func authorities(_ entry: String) throws(CodedError) -> [SSHPublicKey] {
        do {
            if let key = try? AuthorizedKey.parse(entry)?.key { return [key] }
            let text = try String(contentsOf: URL(filePath: entry), encoding: .utf8)
            let keys = try text.split(whereSeparator: \.isNewline)
                .compactMap { try AuthorizedKey.parse($0)?.key }
            guard !keys.isEmpty else {
                throw CodedError(.sshAuthCAUnusable, detail: "\(entry): holds no key")
            }
            return keys
        } catch let error as CodedError {
            throw error
        } catch {
            throw CodedError(.sshAuthCAUnusable, detail: "\(entry): \(error)")
        }
    }
}

extension AuthConfig {
    /// The public key algorithms that are accepted and announced.
    package var acceptedKeyAlgorithms: [String] {
        guard certificates.mode == .off else { return publicKey.algorithms }
        return publicKey.algorithms.filter { !SSHAlgorithms.userCertificates.contains($0) }
    }
}
