import Crypto
import FoundationEssentials
import NIOCore

/// What stands before the encrypted bytes: the file's key, wrapped for each recipient
/// (age-encryption.org/v1).
struct AgeHeader {
    static let version = "age-encryption.org/v1\n"
    private static let wrapInfo = Array("age-encryption.org/v1/X25519".utf8)
    private static let fileKeyLength = 16
    private static let longestLine = 64

    /// One `->`, whatever its kind.
    struct Stanza {
        var words: [String]
        var body: [UInt8]
    }

    private var stanzas: [Stanza] = []

    // MARK: - Writing

    /// The header's bytes for a new file.
    static func make(_ fileKey: SymmetricKey, for recipients: [AgeRecipient]) throws -> [UInt8] {
        var text = version
        for recipient in recipients {
            let ephemeral = Curve25519.KeyAgreement.PrivateKey()
            let share = Array(ephemeral.publicKey.rawRepresentation)
            let far = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: recipient.bytes)
            let secret = try ephemeral.sharedSecretFromKeyAgreement(with: far)
            let sealed = try ChaChaPoly.seal(
                fileKey.bytes,
                using: wrapKey(secret, share, recipient.bytes),
                nonce: noNonce()
            )
            let body = Array(sealed.ciphertext) + Array(sealed.tag)
            text += "-> X25519 \(Base64.encode(share))\n\(Base64.encode(body))\n"
        }
        text += "---"
        let mac = Array(authentication(Array(text.utf8), fileKey))
        return Array((text + " \(Base64.encode(mac))\n").utf8)
    }

    // MARK: - Reading

    /// Reads a header; `nil` as long as it is not whole.
    ///
    /// What was read is taken off `bytes`.
    static func take(
        from bytes: inout ByteBuffer,
        _ identities: [AgeIdentity]
    ) throws(AgeError) -> SymmetricKey? {
        var reader = LineReader(bytes)
        guard let first = try reader.next() else {
            let beginning = Array(version.utf8).prefix(bytes.readableBytes)
            guard bytes.readableBytesView.starts(with: beginning) else { throw .notAge }
            return nil
        }
        guard first + "\n" == version else { throw .notAge }
        var header = AgeHeader()
        while let line = try reader.next() {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            switch words.first {
            case "->":
                guard let stanza = try header.stanza(words.dropFirst(), &reader) else { return nil }
                header.stanzas.append(stanza)
            case "---":
                guard words.count == 2, let mac = Base64.decode(words[1]), mac.count == 32 else {
                    throw .malformedHeader
                }
                let covered = reader.read.dropLast(words[1].utf8.count + 2)
                let key = try header.open(identities)
                let isValid = HMAC<SHA256>.isValidAuthenticationCode(
                    mac,
                    authenticating: covered,
                    using: macKey(key)
                )
                guard isValid else { throw .headerChanged }
                bytes.moveReaderIndex(forwardBy: reader.read.count)
                return key
            default: throw .malformedHeader
            }
        }
        return nil
    }

    private func stanza(
        _ words: ArraySlice<Substring>,
        _ reader: inout LineReader
    ) throws(AgeError) -> Stanza? {
        let isPrintable = words.allSatisfy { word in
            !word.isEmpty && word.utf8.allSatisfy { (33...126).contains($0) }
        }
        guard !words.isEmpty, isPrintable else { throw .malformedHeader }
        var body: [UInt8] = []
        while let line = try reader.next() {
            guard line.utf8.count <= Self.longestLine, let part = Base64.decode(line[...]) else {
                throw .malformedHeader
            }
            body += part
            if line.utf8.count < Self.longestLine {
                return Stanza(words: words.map(String.init), body: body)
            }
        }
        return nil
    }

    private func open(_ identities: [AgeIdentity]) throws(AgeError) -> SymmetricKey {
        for stanza in stanzas where stanza.words.first == "X25519" {
            guard stanza.words.count == 2, let share = Base64.decode(stanza.words[1][...]),
                share.count == 32, stanza.body.count == Self.fileKeyLength + 16
            else { throw .malformedHeader }
            for identity in identities {
                if let key = try? unwrap(stanza.body, share, identity) { return key }
            }
        }
        throw .noIdentity
    }

    private func unwrap(
        _ body: [UInt8],
        _ share: [UInt8],
        _ identity: AgeIdentity
    ) throws -> SymmetricKey {
        let far = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: share)
        // Throws for points of low order, as the format demands.
        let secret = try identity.key.sharedSecretFromKeyAgreement(with: far)
        let box = try ChaChaPoly.SealedBox(
            nonce: Self.noNonce(),
            ciphertext: body.prefix(Self.fileKeyLength),
            tag: body.suffix(16)
        )
        let key = Self.wrapKey(secret, share, identity.recipient.bytes)
        return SymmetricKey(data: try ChaChaPoly.open(box, using: key))
    }

    // MARK: - Keys

    private static func wrapKey(
        _ secret: SharedSecret,
        _ share: [UInt8],
        _ recipient: [UInt8]
    ) -> SymmetricKey {
        secret.hkdfDerivedSymmetricKey(
            using: SHA256.self,
            salt: share + recipient,
            sharedInfo: wrapInfo,
            outputByteCount: 32
        )
    }

    private static func noNonce() throws -> ChaChaPoly.Nonce {
        try ChaChaPoly.Nonce(data: [UInt8](repeating: 0, count: 12))
    }

    private static func macKey(_ fileKey: SymmetricKey) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: fileKey,
            info: Array("header".utf8),
            outputByteCount: 32
        )
    }

    private static func authentication(
        _ bytes: [UInt8],
        _ fileKey: SymmetricKey
    ) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: bytes, using: macKey(fileKey))
    }
}

/// Takes lines off the beginning of a file whose rest is no text.
private struct LineReader {
    /// Beyond this no header is read: hostile ones are endless.
    private static let limit = 256 << 10

    private let bytes: ByteBufferView
    private(set) var count = 0

    init(_ buffer: ByteBuffer) { bytes = buffer.readableBytesView }

    var read: ArraySlice<UInt8> { Array(bytes.prefix(count))[...] }

    /// Without its end; `nil` as long as that is not there.
    mutating func next() throws(AgeError) -> String? {
        let rest = bytes.dropFirst(count)
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
            guard bytes.count < Self.limit else { throw .malformedHeader }
            return nil
        }
        count += rest.distance(from: rest.startIndex, to: end) + 1
        guard count < Self.limit, rest[..<end].allSatisfy({ $0 < 0x80 }) else {
            throw .malformedHeader
        }
        return String(decoding: rest[..<end], as: UTF8.self)
    }
}

extension SymmetricKey {
    var bytes: [UInt8] {
        unsafe withUnsafeBytes { unsafe Array($0) }
    }
}

/// Base64 without padding, of which each value has one form only.
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        let text = Data(bytes).base64EncodedString()
        return String(text.prefix { $0 != "=" })
    }

    static func decode(_ text: Substring) -> [UInt8]? {
        guard !text.utf8.contains(UInt8(ascii: "=")) else { return nil }
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: text + padding) else { return nil }
        let bytes = Array(data)
        return encode(bytes) == text ? bytes : nil
    }
}
