package import NIOCore

/// Reads the types of RFC 4251 §5. Nothing is read, and the reader index stays, when one throws.
extension ByteBuffer {
    /// The most names a name-list may hold; OpenSSH's longest list has under 40.
    package static let maximumSSHNames = 512

    package mutating func readSSHByte() throws(WireError) -> UInt8 {
        guard let value = readInteger(as: UInt8.self) else { throw .truncated }
        return value
    }

    /// Any value but 0 is true.
    package mutating func readSSHBoolean() throws(WireError) -> Bool {
        try readSSHByte() != 0
    }

    package mutating func readSSHUInt32() throws(WireError) -> UInt32 {
        guard let value = readInteger(as: UInt32.self) else { throw .truncated }
        return value
    }

    package mutating func readSSHUInt64() throws(WireError) -> UInt64 {
        guard let value = readInteger(as: UInt64.self) else { throw .truncated }
        return value
    }

    /// Reads a `string` as a slice that shares this buffer's memory.
    ///
    /// `limit` is the most bytes the string may have.
    package mutating func readSSHString(limit: Int = .max) throws(WireError) -> ByteBuffer {
        guard let length = getInteger(at: readerIndex, as: UInt32.self) else { throw .truncated }
        guard Int(length) <= limit else { throw .tooLong }
        guard readableBytes - 4 >= Int(length) else { throw .truncated }
        moveReaderIndex(forwardBy: 4)
        guard let slice = readSlice(length: Int(length)) else { throw .truncated }
        return slice
    }

    /// Reads a `string` as bytes of its own.
    package mutating func readSSHBytes(limit: Int = .max) throws(WireError) -> [UInt8] {
        let slice = try readSSHString(limit: limit)
        return [UInt8](slice.readableBytesView)
    }

    /// Reads a `string` that must be UTF-8.
    package mutating func readSSHText(limit: Int = .max) throws(WireError) -> String {
        let start = readerIndex
        let slice = try readSSHString(limit: limit)
        guard let text = String(validating: slice.readableBytesView, as: UTF8.self) else {
            moveReaderIndex(to: start)
            throw .notUTF8
        }
        return text
    }

    /// Reads a `string` for people; bytes that are not UTF-8 become U+FFFD.
    package mutating func readSSHLossyText(limit: Int = .max) throws(WireError) -> String {
        let slice = try readSSHString(limit: limit)
        return String(decoding: slice.readableBytesView, as: UTF8.self)
    }

    /// Reads a `name-list`: printable ASCII names between commas, at most `maximumSSHNames`.
    ///
    /// Empty names, which RFC 4251 §5 forbids, are passed over: libssh 0.10 ends a list of its
    /// KEXINIT with a comma.
    package mutating func readSSHNameList() throws(WireError) -> [String] {
        let start = readerIndex
        let slice = try readSSHString()
        guard let names = Self.names(in: slice.readableBytesView) else {
            moveReaderIndex(to: start)
            throw .badNameList
        }
        return names
    }

    /// Reads an `mpint` that is not negative: its magnitude, big endian, no leading zero.
    package mutating func readSSHMPInt(limit: Int = 2050) throws(WireError) -> [UInt8] {
        let start = readerIndex
        let bytes = try readSSHString(limit: limit).readableBytesView
        guard bytes.first.map({ $0 < 0x80 }) ?? true else {
            moveReaderIndex(to: start)
            throw .negativeNumber
        }
        return [UInt8](bytes.drop { $0 == 0 })
    }

    /// Throws when bytes are left, for messages that must end here.
    package func requireSSHEnd() throws(WireError) {
        guard readableBytes == 0 else { throw .trailingBytes }
    }

    private static func names(in bytes: ByteBufferView) -> [String]? {
        guard !bytes.isEmpty else { return [] }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        let parts = bytes.split(
            separator: UInt8(ascii: ","),
            maxSplits: maximumSSHNames,
            omittingEmptySubsequences: false
        )
        guard parts.count <= maximumSSHNames else { return nil }
        return parts.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    }
}
