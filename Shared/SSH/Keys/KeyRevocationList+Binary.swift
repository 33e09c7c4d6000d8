import NIOCore

/// Reading OpenSSH's PROTOCOL.krl, format version 1.
///
/// Signature sections are passed over: the list is a file of the server's own. A critical
/// extension that is not known makes the list unusable.
extension KeyRevocationList {
    static let magic = Array("SSHKRL\n\0".utf8)

    private enum Section {
        static let certificates: UInt8 = 1
        static let explicitKeys: UInt8 = 2
        static let sha1: UInt8 = 3
        static let signature: UInt8 = 4
        static let sha256: UInt8 = 5
        static let fileExtension: UInt8 = 255
    }

    init(binary bytes: [UInt8]) throws(KeyError) {
        self.init()
        do {
            var buffer = ByteBuffer(bytes: bytes)
            buffer.moveReaderIndex(forwardBy: Self.magic.count)
            guard try buffer.readSSHUInt32() == 1 else { throw KeyError.malformed }
            for _ in 0..<3 { _ = try buffer.readSSHUInt64() }
            for _ in 0..<2 { _ = try buffer.readSSHString() }
            while buffer.readableBytes > 0 { try readSection(&buffer) }
        } catch {
            throw .malformed
        }
    }

    private mutating func readSection(_ buffer: inout ByteBuffer) throws {
        let type = try buffer.readSSHByte()
        var section = try buffer.readSSHString()
        switch type {
        case Section.certificates: try readCertificates(&section)
        case Section.explicitKeys: try Self.readAll(&section, into: &keys, size: nil)
        case Section.sha1: try Self.readAll(&section, into: &sha1, size: 20)
        case Section.sha256: try Self.readAll(&section, into: &sha256, size: 32)
        // A signature covers the list up to here; its own second string follows.
        case Section.signature: _ = try buffer.readSSHString()
        case Section.fileExtension: try Self.passExtension(&section)
        default: throw KeyError.malformed
        }
    }

    private static func readAll(
        _ section: inout ByteBuffer,
        into set: inout Set<[UInt8]>,
        size: Int?
    ) throws {
        while section.readableBytes > 0 {
            let item = try section.readSSHBytes()
            guard size == nil || item.count == size else { throw KeyError.malformed }
            set.insert(item)
        }
    }

    fileprivate static func passExtension(_ section: inout ByteBuffer) throws {
        _ = try section.readSSHString()
        guard try !section.readSSHBoolean() else { throw KeyError.malformed }
        _ = try section.readSSHString()
    }

    private mutating func readCertificates(_ section: inout ByteBuffer) throws {
        let authority = try section.readSSHBytes()
        _ = try section.readSSHString()
        var revoked = certificates[authority] ?? RevokedCertificates()
        while section.readableBytes > 0 {
            let type = try section.readSSHByte()
            var part = try section.readSSHString()
            try revoked.read(type, &part)
        }
        certificates[authority] = revoked
    }
}

extension RevokedCertificates {
    private enum Section {
        static let serials: UInt8 = 0x20
        static let range: UInt8 = 0x21
        static let bitmap: UInt8 = 0x22
        static let keyIDs: UInt8 = 0x23
        static let fileExtension: UInt8 = 0x39
    }

    /// The most bytes of a bitmap, a million serial numbers; `ssh-keygen` writes far smaller ones.
    private static let maximumBitmap = 128 * 1024

    fileprivate mutating func read(_ type: UInt8, _ part: inout ByteBuffer) throws {
        switch type {
        case Section.serials:
            while part.readableBytes > 0 { serials.insert(try part.readSSHUInt64()) }
        case Section.range:
            let first = try part.readSSHUInt64()
            let last = try part.readSSHUInt64()
            guard first <= last else { throw KeyError.malformed }
            ranges.append(first...last)
        case Section.bitmap:
            let offset = try part.readSSHUInt64()
            let bits = try part.readSSHMPInt(limit: Self.maximumBitmap)
            bitmaps.append(SerialBitmap(offset: offset, bits: bits))
        case Section.keyIDs:
            while part.readableBytes > 0 { keyIDs.insert(try part.readSSHBytes()) }
        case Section.fileExtension: try KeyRevocationList.passExtension(&part)
        default: throw KeyError.malformed
        }
        try part.requireSSHEnd()
    }
}
