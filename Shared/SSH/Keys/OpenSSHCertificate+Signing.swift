import FoundationEssentials
import NIOCore

extension OpenSSHCertificate {
    /// What an authority certifies of a key.
    package struct Terms: Sendable, Hashable {
        package var kind: Kind
        package var serial: UInt64
        /// Free text for logs.
        package var keyID: String
        package var principals: [String]
        /// Seconds since 1970; the first second and the first that is too late.
        package var validAfter: UInt64
        package var validBefore: UInt64
        /// In any order; each name once.
        package var criticalOptions: [Option]
        package var extensions: [Option]

        package init(
            kind: Kind,
            serial: UInt64,
            keyID: String,
            principals: [String],
            validAfter: UInt64,
            validBefore: UInt64,
            criticalOptions: [Option] = [],
            extensions: [Option] = []
        ) {
            self.kind = kind
            self.serial = serial
            self.keyID = keyID
            self.principals = principals
            self.validAfter = validAfter
            self.validBefore = validBefore
            self.criticalOptions = criticalOptions
            self.extensions = extensions
        }
    }

    /// A new certificate for `key`, signed by `authority` (OpenSSH's PROTOCOL.certkeys).
    ///
    /// Throws a `KeyError` when the authority cannot sign, or for terms that no reader takes.
    package init(
        _ terms: Terms,
        for key: SSHPublicKey,
        signedBy authority: SSHPrivateKey
    ) throws(KeyError) {
        guard let algorithm = authority.publicKey.type.signatureAlgorithms.first else {
            throw .wrongAlgorithm
        }
        var buffer = ByteBuffer()
        buffer.writeSSHString(key.type.certificateName)
        buffer.writeSSHString((0..<32).map { _ in UInt8.random(in: 0...255) })
        var fields = ByteBuffer(bytes: key.blob)
        do {
            // The type's name stands in front of the fields of a plain key.
            _ = try fields.readSSHString()
        } catch {
            throw .malformed
        }
        buffer.writeBuffer(&fields)
        buffer.writeInteger(terms.serial)
        buffer.writeInteger(terms.kind.rawValue)
        buffer.writeSSHString(terms.keyID)
        buffer.writeSSHString { list in
            for name in terms.principals { list.writeSSHString(name) }
        }
        buffer.writeInteger(terms.validAfter)
        buffer.writeInteger(terms.validBefore)
        buffer.write(terms.criticalOptions)
        buffer.write(terms.extensions)
        buffer.writeSSHString("")
        buffer.writeSSHString(authority.publicKey.blob)
        let signature = try authority.signature(
            over: Data(buffer.readableBytesView),
            algorithm: algorithm
        )
        buffer.writeSSHString(signature)
        try self.init(blob: Array(buffer.readableBytesView))
    }

    /// Type and base64, as in a `-cert.pub` file.
    package var line: String { "\(publicKey.type.certificateName) \(Base64.encode(blob))" }

    /// Parses the text of a `-cert.pub` file, a comment included.
    package init(line: some StringProtocol) throws(KeyError) {
        let parts = line.split(maxSplits: 2, whereSeparator: \.isWhitespace)
        guard parts.count >= 2, line.utf8.count <= 2 * Self.maximumLength,
            let blob = Base64.decode(String(parts[1]))
        else { throw .malformed }
        try self.init(blob: blob)
        guard publicKey.type.certificateName == parts[0] else { throw .malformed }
    }
}

extension ByteBuffer {
    /// Options in the order of their names, as the format demands.
    fileprivate mutating func write(_ options: [OpenSSHCertificate.Option]) {
        writeSSHString { list in
            for option in options.sorted(by: {
                $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
            }) {
                list.writeSSHString(option.name)
                list.writeSSHString(option.data)
            }
        }
    }
}
