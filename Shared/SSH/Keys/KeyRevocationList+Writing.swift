import NIOCore

/// What a revocation list says, to be written in OpenSSH's format (its PROTOCOL.krl).
package struct RevocationEntries: Sendable, Hashable {
    /// Serial numbers by the authority's key in wire form.
    package var serials: [[UInt8]: Set<UInt64>] = [:]
    /// Key IDs by the authority's key in wire form.
    package var keyIDs: [[UInt8]: Set<String>] = [:]
    /// SHA-256 hashes of keys in wire form.
    package var keyHashes: Set<[UInt8]> = []

    package init() {}

    /// The list as `ssh-keygen -Q` and sshd read it; unsigned. `number` grows with each version,
    /// `date` is seconds since 1970.
    package func binary(number: UInt64, date: UInt64) -> [UInt8] {
        var buffer = ByteBuffer(bytes: KeyRevocationList.magic)
        buffer.writeInteger(1, as: UInt32.self)
        buffer.writeInteger(number)
        buffer.writeInteger(date)
        buffer.writeInteger(0, as: UInt64.self)
        buffer.writeSSHString("")
        buffer.writeSSHString("")
        for authority in Set(serials.keys).union(keyIDs.keys) {
            buffer.writeInteger(1, as: UInt8.self)
            buffer.writeSSHString { section in
                section.writeSSHString(authority)
                section.writeSSHString("")
                if let serials = serials[authority], !serials.isEmpty {
                    section.writeInteger(0x20, as: UInt8.self)
                    section.writeSSHString { part in
                        for serial in serials.sorted() { part.writeInteger(serial) }
                    }
                }
                if let names = keyIDs[authority], !names.isEmpty {
                    section.writeInteger(0x23, as: UInt8.self)
                    section.writeSSHString { part in
                        for name in names.sorted() { part.writeSSHString(name) }
                    }
                }
            }
        }
        if !keyHashes.isEmpty {
            buffer.writeInteger(5, as: UInt8.self)
            buffer.writeSSHString { section in
                for hash in keyHashes.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                    section.writeSSHString(hash)
                }
            }
        }
        return Array(buffer.readableBytesView)
    }
}
