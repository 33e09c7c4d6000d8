import NIOCore

/// Judges an offered key as far as that needs no knowledge of users: its algorithm, form and size.
struct UserKeyCheck {
    let settings: AuthenticationSettings

    enum Outcome {
        /// A key in good form, by what it verifies signatures with.
        case usable(OfferedKey, SSHPublicKey, SSHSignatureAlgorithm)
        case unusable(OfferedKey, UnusableKeyReason)
    }

    func check(algorithm name: String, blob: [UInt8]) -> Outcome {
        var buffer = ByteBuffer(bytes: blob)
        // A blob that does not even name its type is refused like any other unusable key.
        let type = (try? buffer.readSSHText(limit: 64)) ?? ""
        var key = OfferedKey(algorithm: name, type: type, blob: blob)
        guard settings.userKeyAlgorithms.contains(name),
            let algorithm = UserKeyAlgorithm(named: name)
        else { return .unusable(key, .algorithmNotAccepted) }
        guard type == algorithm.blobType else { return .unusable(key, .wrongType) }
        do {
            let publicKey: SSHPublicKey
            if algorithm.isCertificate {
                let certificate = try OpenSSHCertificate(blob: blob)
                key.certificate = certificate
                publicKey = certificate.publicKey
            } else {
                publicKey = try SSHPublicKey(blob: blob)
            }
            if let bits = publicKey.rsaBits, bits < settings.minimumRSABits {
                return .unusable(key, .rsaSize(bits))
            }
            return .usable(key, publicKey, algorithm.signature)
        } catch .badRSASize(let bits) {
            return .unusable(key, .rsaSize(bits))
        } catch {
            return .unusable(key, .malformed)
        }
    }
}
