package import NIOCore

/// Writes the types of RFC 4251 §5.
extension ByteBuffer {
    package mutating func writeSSHBoolean(_ value: Bool) {
        writeInteger(value ? 1 : 0, as: UInt8.self)
    }

    package mutating func writeSSHMessage(_ number: MessageNumber) {
        writeInteger(number.rawValue)
    }

    package mutating func writeSSHString(_ bytes: [UInt8]) {
        writeInteger(UInt32(clamping: bytes.count))
        writeBytes(bytes)
    }

    package mutating func writeSSHString(_ bytes: ByteBuffer) {
        writeInteger(UInt32(clamping: bytes.readableBytes))
        writeImmutableBuffer(bytes)
    }

    package mutating func writeSSHString(_ text: String) {
        writeInteger(UInt32(clamping: text.utf8.count))
        writeString(text)
    }

    /// Writes a `string` whose content is what `body` writes.
    package mutating func writeSSHString(_ body: (inout ByteBuffer) -> Void) {
        let start = writerIndex
        writeInteger(0, as: UInt32.self)
        body(&self)
        setInteger(UInt32(clamping: writerIndex - start - 4), at: start)
    }

    package mutating func writeSSHNameList(_ names: [String]) {
        writeSSHString { buffer in
            for (index, name) in names.enumerated() {
                if index > 0 { buffer.writeInteger(UInt8(ascii: ",")) }
                buffer.writeString(name)
            }
        }
    }

    /// Writes an `mpint` from the big-endian magnitude of a number that is not negative.
    package mutating func writeSSHMPInt(_ magnitude: some Collection<UInt8>) {
        let digits = magnitude.drop { $0 == 0 }
        let needsZero = digits.first.map { $0 >= 0x80 } ?? false
        writeInteger(UInt32(clamping: digits.count + (needsZero ? 1 : 0)))
        if needsZero { writeInteger(0, as: UInt8.self) }
        writeBytes(digits)
    }
}
