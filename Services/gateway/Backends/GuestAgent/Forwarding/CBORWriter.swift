import NIOCore

/// Writes CBOR (RFC 8949) with the shortest heads.
struct CBORWriter {
    private(set) var bytes: ByteBuffer

    init(room: Int = 64) { bytes = ByteBufferAllocator().buffer(capacity: room) }

    mutating func map(_ count: Int) { head(5, UInt64(count)) }

    mutating func number(_ value: UInt64) { head(0, value) }

    mutating func text(_ text: String) {
        head(3, UInt64(text.utf8.count))
        bytes.writeString(text)
    }

    mutating func string(_ string: ByteBuffer) {
        head(2, UInt64(string.readableBytes))
        bytes.writeImmutableBuffer(string)
    }

    mutating func truth(_ truth: Bool) { bytes.writeInteger(truth ? 0xF5 : 0xF4 as UInt8) }

    mutating func null() { bytes.writeInteger(0xF6 as UInt8) }

    private mutating func head(_ major: UInt8, _ value: UInt64) {
        let type = major << 5
        switch value {
        case ..<24: bytes.writeInteger(type | UInt8(value))
        case ..<0x100:
            bytes.writeInteger(type | 24)
            bytes.writeInteger(UInt8(value))
        case ..<0x1_0000:
            bytes.writeInteger(type | 25)
            bytes.writeInteger(UInt16(value))
        case ..<0x1_0000_0000:
            bytes.writeInteger(type | 26)
            bytes.writeInteger(UInt32(value))
        default:
            bytes.writeInteger(type | 27)
            bytes.writeInteger(value)
        }
    }
}
