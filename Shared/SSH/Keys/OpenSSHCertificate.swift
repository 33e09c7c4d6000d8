import FoundationEssentials
import NIOCore

/// An OpenSSH certificate, of a user or of a host (OpenSSH's PROTOCOL.certkeys), parsed.
///
/// Parsing says nothing about trust: who uses one asks `isSignatureValid` and judges
/// `signatureKey`, the period, the principals and the options.
package struct OpenSSHCertificate: Sendable {
    /// The whole certificate in wire form.
    package let blob: [UInt8]
    /// The key it speaks for.
    package let publicKey: SSHPublicKey
    package let serial: UInt64
    package let kind: Kind
    /// Free text of the authority, for logs.
    package let keyID: String
    /// The names it is valid for; none means any name.
    package let principals: [String]
    /// Seconds since 1970: the first second and the first that is too late.
    package let validAfter: UInt64
    package let validBefore: UInt64
    /// What must be understood by whoever accepts it.
    package let criticalOptions: [Option]
    package let extensions: [Option]
    /// The authority's key, as the certificate claims.
    package let signatureKey: SSHPublicKey
    private let signature: [UInt8]
    /// How much of the blob the signature covers.
    private let signedLength: Int

    package enum Kind: UInt32, Sendable, Hashable {
        case user = 1
        case host = 2
    }

    /// A name and its value, which is empty for options that are flags.
    package struct Option: Sendable, Hashable {
        package var name: String
        package var data: [UInt8]

        package init(name: String, data: [UInt8] = []) {
            self.name = name
            self.data = data
        }

        /// An option whose value is a text.
        package init(name: String, text: String) {
            var buffer = ByteBuffer()
            buffer.writeSSHString(text)
            self.init(name: name, data: Array(buffer.readableBytesView))
        }

        /// The value as a text, which is a string within the string; `nil` if it is none.
        package var text: String? {
            var buffer = ByteBuffer(bytes: data)
            // What went wrong inside makes no difference to a value that cannot be read.
            guard let text = try? buffer.readSSHText(), buffer.readableBytes == 0 else {
                return nil
            }
            return text
        }
    }

    /// The most bytes a certificate may have; RSA of 16384 bits on both sides takes 7 KB.
    package static let maximumLength = 32 * 1024
    /// As in OpenSSH.
    static let maximumPrincipals = 256
    private static let maximumOptions = 64

    /// Parses a certificate in wire form; every byte must belong to it.
    package init(blob: [UInt8]) throws(KeyError) {
        guard blob.count <= Self.maximumLength else { throw .malformed }
        self.blob = blob
        do {
            var buffer = ByteBuffer(bytes: blob)
            publicKey = try Self.readKey(&buffer)
            serial = try buffer.readSSHUInt64()
            guard let kind = Kind(rawValue: try buffer.readSSHUInt32()) else {
                throw KeyError.malformed
            }
            self.kind = kind
            keyID = try buffer.readSSHText(limit: 4096)
            principals = try Self.readPrincipals(try buffer.readSSHString())
            validAfter = try buffer.readSSHUInt64()
            validBefore = try buffer.readSSHUInt64()
            criticalOptions = try Self.readOptions(try buffer.readSSHString())
            extensions = try Self.readOptions(try buffer.readSSHString())
            _ = try buffer.readSSHString()
            signatureKey = try SSHPublicKey(
                blob: try buffer.readSSHBytes(limit: SSHPublicKey.maximumLength)
            )
            signedLength = buffer.readerIndex
            signature = try buffer.readSSHBytes()
            try buffer.requireSSHEnd()
        } catch let error as KeyError {
            throw error
        } catch {
            throw .malformed
        }
    }

    /// The algorithm of the authority's signature; `nil` for one that is not spoken, such as
    /// `ssh-rsa` with SHA-1.
    package var signatureAlgorithm: SSHSignatureAlgorithm? {
        var buffer = ByteBuffer(bytes: signature)
        // A signature that does not even name its algorithm is one nobody knows.
        guard let name = try? buffer.readSSHText(limit: 64) else { return nil }
        return SSHSignatureAlgorithm(rawValue: name)
    }

    /// Whether `signatureKey` made the signature; costs as much as any other verification.
    package var isSignatureValid: Bool {
        guard let algorithm = signatureAlgorithm else { return false }
        return signatureKey.verifies(
            signature,
            over: Data(blob.prefix(signedLength)),
            algorithm: algorithm
        )
    }

    /// `SHA256:…` of the certified key alone, as `ssh-keygen -l` prints it.
    package var fingerprint: String { publicKey.fingerprint }
}

// MARK: - Parts

extension OpenSSHCertificate {
    private static let types = Dictionary(
        uniqueKeysWithValues: SSHKeyType.allCases.map { ($0.certificateName, $0) }
    )

    /// Whether a blob of this type is a certificate that can be read.
    package static func isCertificate(type: String) -> Bool { types[type] != nil }

    private static func readKey(_ buffer: inout ByteBuffer) throws -> SSHPublicKey {
        let name = try buffer.readSSHText(limit: 64)
        guard let type = types[name] else { throw KeyError.unsupportedType(name) }
        _ = try buffer.readSSHString(limit: 1024)
        return try SSHPublicKey(try SSHPublicKey.material(of: type, from: &buffer))
    }

    private static func readPrincipals(_ list: ByteBuffer) throws -> [String] {
        var list = list
        var names: [String] = []
        while list.readableBytes > 0 {
            guard names.count < maximumPrincipals else { throw KeyError.malformed }
            names.append(try list.readSSHText(limit: 1024))
        }
        return names
    }

    /// Each name at most once, in order, as the format demands; a value that is not empty is a
    /// string within the string.
    private static func readOptions(_ list: ByteBuffer) throws -> [Option] {
        var list = list
        var options: [Option] = []
        while list.readableBytes > 0 {
            guard options.count < maximumOptions else { throw KeyError.malformed }
            let name = try list.readSSHText(limit: 256)
            guard options.last.map({ $0.name.utf8.lexicographicallyPrecedes(name.utf8) }) ?? true
            else { throw KeyError.malformed }
            options.append(Option(name: name, data: try list.readSSHBytes()))
        }
        return options
    }
}

extension OpenSSHCertificate: Hashable {
    package static func == (left: Self, right: Self) -> Bool { left.blob == right.blob }

    package func hash(into hasher: inout Hasher) { hasher.combine(blob) }
}
