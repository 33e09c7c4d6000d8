import NIOCore
import SharedSSH

/// Everything that reads a key.
enum Keys {
    static func run(_ input: inout FuzzInput) {
        let choice = input.byte()
        let bytes = input.remainder()
        let text = String(decoding: bytes, as: UTF8.self)
        switch choice % 5 {
        case 0:
            guard let key = try? SSHPublicKey(blob: bytes) else { return }
            precondition(key.blob == bytes, "a key that is not what was read")
        case 1:
            guard let certificate = try? OpenSSHCertificate(blob: bytes) else { return }
            precondition(certificate.blob == bytes, "a certificate that is not what was read")
        case 2: _ = try? KeyRevocationList(bytes: bytes)
        case 3: _ = try? AuthorizedKey.parse(text)
        default: _ = try? SSHPrivateKey(pem: text)
        }
    }
}
