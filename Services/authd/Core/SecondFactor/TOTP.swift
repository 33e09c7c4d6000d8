import Crypto
import Foundation

/// Codes that change with time (RFC 6238), as authenticator apps show them: six digits of
/// HMAC-SHA-1, a new one every 30 s.
enum TOTP {
    static let period = 30

    static func step(at seconds: Int) -> Int { seconds / period }

    /// RFC 4226 §5.3 for the counter `step`.
    static func code(_ secret: [UInt8], step: Int) -> String {
        let counter = unsafe withUnsafeBytes(of: UInt64(step).bigEndian) { unsafe [UInt8]($0) }
        let key = SymmetricKey(data: secret)
        let digest = Array(HMAC<Insecure.SHA1>.authenticationCode(for: counter, using: key))
        let offset = Int(digest[digest.count - 1] & 0x0F)
        let value = digest[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } & 0x7FFF_FFFF
        let digits = String(value % 1_000_000)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }

    /// The step whose code this is, at most `skew` steps from now; looks at all of them.
    static func step(of code: String, _ secret: [UInt8], at seconds: Int, skew: Int) -> Int? {
        let now = step(at: seconds)
        return (max(0, now - skew)...now + skew).reduce(nil) { found, step in
            areEqual(self.code(secret, step: step), code) ? step : found
        }
    }

    /// What apps read from a QR code.
    static func url(secret: [UInt8], issuer: String, name: String) -> String {
        let safe = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
        func escaped(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: safe) ?? ""
        }
        return "otpauth://totp/\(escaped(issuer)):\(escaped(name))"
            + "?secret=\(Base32.encode(secret))&issuer=\(escaped(issuer))"
    }
}

/// RFC 4648 §6, without padding.
enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

    static func encode(_ bytes: [UInt8]) -> String {
        var text = ""
        var bits = 0
        var value = 0
        for byte in bytes {
            value = value << 8 | Int(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[value >> bits & 31])
            }
            value &= 1 << bits - 1
        }
        if bits > 0 { text.append(alphabet[value << (5 - bits) & 31]) }
        return text
    }
}

/// Codes for whoever has lost their app, each good for one login.
enum RecoveryCode {
    /// Sixteen characters of five bits, in groups of four.
    static func random() -> String {
        let text = Base32.encode((0..<10).map { _ in UInt8.random(in: 0...255) })
        return stride(from: 0, to: 16, by: 4).map { start in
            String(text.dropFirst(start).prefix(4))
        }.joined(separator: "-")
    }

    /// What is kept: 80 random bits need no slow hash.
    static func hash(_ text: String) -> Data {
        let plain = text.uppercased().filter { $0.isLetter || $0.isNumber }
        return Data(SHA256.hash(data: Data(plain.utf8)))
    }
}
