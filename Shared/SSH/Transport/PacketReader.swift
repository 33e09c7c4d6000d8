import NIOCore

/// Decrypts and unframes incoming packets (RFC 4253 §6).
struct PacketReader {
    private var protection = PacketProtection.none
    /// Of the next packet.
    private(set) var sequence: UInt32 = 0
    private(set) var usage = KeyUsage()
    /// A packet whose encrypted length has been read already, with its first block decrypted.
    private var opened: ByteBuffer?
    /// Bytes that are still taken and thrown away before a chained cipher's packet is refused.
    private var leftToSwallow: Int?
    /// How many bytes there must be before `next` is worth another try; 1 or more.
    private(set) var wanted = 1
    /// The most a packet's length field may say.
    var maximumLength = Self.maximumLengthBefore

    /// Before authentication: RFC 4253 §6.1 wants 35000 bytes in all to be taken.
    static let maximumLengthBefore = 35000
    /// After it: OpenSSH takes 256 KiB.
    static let maximumLengthAfter = 256 * 1024 + 512

    /// Takes the next packet off `inbound` and returns its payload, or nothing if it has not
    /// arrived.
    mutating func next(_ inbound: inout ByteBuffer) throws(TransportError) -> ByteBuffer? {
        wanted = 1
        let packet =
            switch protection {
            case .none: try takeClear(&inbound)
            case .gcm(let cipher): try take(&inbound, cipher)
            case .chaCha(let cipher): try take(&inbound, cipher)
            case .ctr(let cipher):
                cipher.mac.algorithm.isEncryptThenMAC
                    ? try takeThenMAC(&inbound, cipher) : try takeAndMAC(&inbound, cipher)
            }
        guard var packet else { return nil }
        guard usage.count(packet.readableBytes + 4) else { throw .sequenceNumberExhausted }
        sequence &+= 1
        return try payload(&packet)
    }

    mutating func use(_ protection: PacketProtection, resetsSequence: Bool) {
        self.protection = protection
        usage = KeyUsage()
        if resetsSequence { sequence = 0 }
    }

    /// Takes padding length and padding off a packet.
    private func payload(_ packet: inout ByteBuffer) throws(TransportError) -> ByteBuffer {
        guard let padding = packet.readInteger(as: UInt8.self), padding >= 4,
            packet.readableBytes > Int(padding)
        else { throw .badPadding }
        packet.moveWriterIndex(to: packet.writerIndex - Int(padding))
        return packet
    }

    /// The length field at the start of `inbound`, once it is there and is one.
    private mutating func length(_ inbound: ByteBuffer) throws(TransportError) -> Int? {
        guard has(4, inbound),
            let length = inbound.getInteger(at: inbound.readerIndex, as: UInt32.self)
        else { return nil }
        try check(length)
        return Int(length)
    }

    private func check(_ length: UInt32) throws(TransportError) {
        let counted = Int(length) + (protection.isLengthInBlocks ? 4 : 0)
        guard length >= 8, Int(length) <= maximumLength, counted % protection.blockSize == 0 else {
            throw .badPacketLength(length)
        }
    }

    /// Whether `count` bytes are there; if not, they are what is waited for.
    private mutating func has(_ count: Int, _ inbound: ByteBuffer) -> Bool {
        guard inbound.readableBytes < count else { return true }
        wanted = count
        return false
    }

    private mutating func takeClear(
        _ inbound: inout ByteBuffer
    ) throws(TransportError) -> ByteBuffer? {
        guard let length = try length(inbound), has(4 + length, inbound) else { return nil }
        inbound.moveReaderIndex(forwardBy: 4)
        return inbound.readSlice(length: length)
    }

    private mutating func take(
        _ inbound: inout ByteBuffer,
        _ cipher: AESGCM
    ) throws(TransportError) -> ByteBuffer? {
        guard let length = try length(inbound) else { return nil }
        let size = 4 + length + AESGCM.tagLength
        guard has(size, inbound) else { return nil }
        var packet = ByteBufferAllocator().buffer(capacity: length)
        let isGenuine = unsafe inbound.withUnsafeReadableBytes { bytes in
            let sealed = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<size])
            return unsafe packet.fill(length) { unsafe cipher.open(sealed, into: $0) }
        }
        guard isGenuine else { throw .badMAC }
        inbound.moveReaderIndex(forwardBy: size)
        return packet
    }

    private mutating func take(
        _ inbound: inout ByteBuffer,
        _ cipher: ChaChaPoly
    ) throws(TransportError) -> ByteBuffer? {
        guard has(4, inbound) else { return nil }
        let clear = unsafe inbound.withUnsafeReadableBytes { bytes in
            unsafe bytes.baseAddress.flatMap { unsafe cipher.length($0, sequence: sequence) }
        }
        guard let clear else { throw .cryptographyFailed }
        try check(clear)
        let length = Int(clear)
        let size = 4 + length + ChaChaPoly.tagLength
        guard has(size, inbound) else { return nil }
        var packet = ByteBufferAllocator().buffer(capacity: length)
        let isGenuine = unsafe inbound.withUnsafeReadableBytes { bytes in
            let sealed = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<size])
            return unsafe packet.fill(length) {
                unsafe cipher.open(sealed, into: $0, sequence: sequence)
            }
        }
        guard isGenuine else { throw .badMAC }
        inbound.moveReaderIndex(forwardBy: size)
        return packet
    }

    private mutating func takeThenMAC(
        _ inbound: inout ByteBuffer,
        _ cipher: AESCTR
    ) throws(TransportError) -> ByteBuffer? {
        guard let length = try length(inbound) else { return nil }
        let size = 4 + length
        guard has(size + cipher.mac.algorithm.length, inbound) else { return nil }
        var packet = ByteBufferAllocator().buffer(capacity: length)
        let isGenuine = unsafe inbound.withUnsafeReadableBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            let covered = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<size])
            return unsafe cipher.mac.verify(sequence: sequence, covered, start + size)
                && packet.fill(length) {
                    unsafe cipher.decrypt(start + 4, into: $0, count: length)
                }
        }
        guard isGenuine else { throw .badMAC }
        inbound.moveReaderIndex(forwardBy: size + cipher.mac.algorithm.length)
        return packet
    }

    /// The length is encrypted, too: the first block is decrypted before the rest is there.
    private mutating func takeAndMAC(
        _ inbound: inout ByteBuffer,
        _ cipher: AESCTR
    ) throws(TransportError) -> ByteBuffer? {
        if opened == nil {
            guard let block = try decrypt(&inbound, cipher, 16) else { return nil }
            opened = block
        }
        guard let first = opened else { return nil }
        if let left = leftToSwallow { return try swallow(&inbound, left) }
        let length: Int
        do {
            guard let said = try self.length(first) else { return nil }
            length = said
        } catch {
            guard cipher.isChained else { throw error }
            return try swallow(&inbound, maximumLength)
        }
        let rest = 4 + length - 16
        guard has(rest + cipher.mac.algorithm.length, inbound) else { return nil }
        var packet = ByteBufferAllocator().buffer(capacity: 4 + length)
        packet.writeImmutableBuffer(first)
        if rest > 0 {
            guard var more = try decrypt(&inbound, cipher, rest) else { return nil }
            packet.writeBuffer(&more)
        }
        let isGenuine = unsafe inbound.withUnsafeReadableBytes { tag in
            guard let tag = tag.baseAddress else { return false }
            return unsafe packet.withUnsafeReadableBytes {
                unsafe cipher.mac.verify(sequence: sequence, $0, tag)
            }
        }
        guard isGenuine else {
            guard cipher.isChained else { throw .badMAC }
            return try swallow(&inbound, maximumLength - rest)
        }
        inbound.moveReaderIndex(forwardBy: cipher.mac.algorithm.length)
        packet.moveReaderIndex(forwardBy: 4)
        opened = nil
        return packet
    }

    /// Refuses a packet of a chained cipher only after as many bytes as the longest one has: when a
    /// refusal comes must not show what length a changed block was decrypted to (CVE-2008-5161).
    private mutating func swallow(
        _ inbound: inout ByteBuffer,
        _ left: Int
    ) throws(TransportError) -> ByteBuffer? {
        let taken = min(left, inbound.readableBytes)
        inbound.moveReaderIndex(forwardBy: taken)
        guard taken < left else { throw .badMAC }
        leftToSwallow = left - taken
        return nil
    }

    private mutating func decrypt(
        _ inbound: inout ByteBuffer,
        _ cipher: AESCTR,
        _ count: Int
    ) throws(TransportError) -> ByteBuffer? {
        guard has(count, inbound) else { return nil }
        var clear = ByteBufferAllocator().buffer(capacity: count)
        let isDone = unsafe inbound.withUnsafeReadableBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return unsafe clear.fill(count) { unsafe cipher.decrypt(start, into: $0, count: count) }
        }
        guard isDone else { throw .cryptographyFailed }
        inbound.moveReaderIndex(forwardBy: count)
        return clear
    }
}

extension ByteBuffer {
    /// Lets `body` write exactly `count` bytes at the end.
    fileprivate mutating func fill(
        _ count: Int,
        _ body: (UnsafeMutableRawPointer) -> Bool
    ) -> Bool {
        var isFilled = false
        unsafe writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            guard let start = bytes.baseAddress, unsafe body(start) else { return 0 }
            isFilled = true
            return count
        }
        return isFilled
    }
}
