import NIOCore

/// Frames and encrypts outgoing packets (RFC 4253 §6).
struct PacketWriter {
    private var protection = PacketProtection.none
    private(set) var sequence: UInt32 = 0
    private(set) var usage = KeyUsage()

    /// Appends one packet whose payload is what `body` writes, and encrypts it where it stands.
    ///
    /// The padding is zeros unless blocks are chained: under a stream cipher and a MAC random
    /// padding hides nothing.
    mutating func write(
        into out: inout ByteBuffer,
        _ body: (inout ByteBuffer) -> Void
    ) throws(TransportError) {
        let start = out.writerIndex
        out.writeRepeatingByte(0, count: 5)
        body(&out)
        let length = pad(&out, start)
        out.setInteger(UInt32(clamping: length), at: start)
        out.writeRepeatingByte(0, count: protection.tagLength)
        guard usage.count(length + 4) else {
            out.moveWriterIndex(to: start)
            throw .sequenceNumberExhausted
        }
        guard seal(&out, start) else {
            out.moveWriterIndex(to: start)
            throw .cryptographyFailed
        }
        sequence &+= 1
    }

    /// Protects everything from here on in another way.
    mutating func use(_ protection: PacketProtection, resetsSequence: Bool) {
        self.protection = protection
        usage = KeyUsage()
        if resetsSequence { sequence = 0 }
    }

    /// Fills the packet up to the block size and returns what goes into the length field.
    private func pad(_ out: inout ByteBuffer, _ start: Int) -> Int {
        let size = out.writerIndex - start - (protection.isLengthInBlocks ? 0 : 4)
        let block = protection.blockSize
        var padding = block - size % block
        if padding < 4 { padding += block }
        if protection.isChained {
            out.writeBytes((0..<padding).map { _ in UInt8.random(in: 0 ... .max) })
        } else {
            out.writeRepeatingByte(0, count: padding)
        }
        out.setInteger(UInt8(truncatingIfNeeded: padding), at: start + 4)
        return out.writerIndex - start - 4
    }

    private func seal(_ out: inout ByteBuffer, _ start: Int) -> Bool {
        if case .none = protection { return true }
        let offset = start - out.readerIndex
        return unsafe out.withUnsafeMutableReadableBytes { bytes in
            let packet = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])
            return switch protection {
            case .none: true
            case .gcm(let cipher): unsafe cipher.seal(packet)
            case .ctr(let cipher): unsafe cipher.seal(packet, sequence: sequence)
            case .chaCha(let cipher): unsafe cipher.seal(packet, sequence: sequence)
            }
        }
    }
}

/// How much one key has protected.
struct KeyUsage: Hashable {
    private(set) var packets: UInt64 = 0
    private(set) var bytes: UInt64 = 0

    /// Counts a packet; false when its sequence number would be the first to repeat.
    mutating func count(_ size: Int) -> Bool {
        packets += 1
        bytes &+= UInt64(size)
        return packets < 1 << 32
    }

    func exceeds(_ limit: RekeyLimit) -> Bool {
        packets >= limit.packets || bytes >= limit.bytes
    }
}
