package import NIOCore

/// The constants of the binary recording format.
enum BinaryFormat {
    /// 21 bytes of text and eleven zeros.
    static let magic = [UInt8]("ContainerSSH-Auditlog".utf8) + [UInt8](repeating: 0, count: 11)
    static let version: UInt64 = 2
    static let headerLength = 40
    /// A member without flags and time; operating system unknown (RFC 1952 §2.3).
    static let gzipHeader: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
    /// The empty stored block of a sync flush.
    static let flushMark: [UInt8] = [0, 0, 0, 0xFF, 0xFF]
}

/// Writes format version 2: a header of 40 bytes, then one gzip member of CBOR maps that is never
/// closed, each flush ending in an empty stored block.
///
/// Between flushes the recording costs only its last KiB, which is the dictionary of the next
/// piece. Data that doesn't get smaller goes into stored blocks, so that copying a compressed file
/// through a session costs little more than the copy.
package struct BinaryEncoder: AuditEncoder {
    /// How much of the stream's past is kept: some ten small messages.
    private static let history = 1024
    /// Pieces shorter than this say nothing about whether the data can be compressed.
    private static let probe = 16 << 10
    /// How many bytes are stored unseen after a piece that did not get smaller.
    private static let storedRun = 1 << 20

    private var pending = ByteBuffer()
    private var recent = ByteBuffer()
    private var storedBudget = 0
    private var wroteHeader = false

    package init() {}

    package mutating func append(_ message: AuditMessage) { pending.writeCBOR(message) }

    package mutating func flush(using deflater: Deflater) -> ByteBuffer {
        guard pending.readableBytes > 0 else { return ByteBuffer() }
        var output = ByteBuffer()
        writeHeader(into: &output)
        let start = output.writerIndex
        if storedBudget > 0 {
            storedBudget -= pending.readableBytes
            store(pending, into: &output)
        } else {
            deflater.compress(pending, dictionary: recent, into: &output)
            let size = output.writerIndex - start
            if pending.readableBytes >= Self.probe, size > pending.readableBytes / 16 * 15 {
                storedBudget = Self.storedRun
            }
        }
        remember()
        return output
    }

    package mutating func finish(using deflater: Deflater) -> ByteBuffer {
        var output = flush(using: deflater)
        writeHeader(into: &output)
        output.writeBytes(BinaryFormat.flushMark)
        return output
    }

    private mutating func writeHeader(into output: inout ByteBuffer) {
        guard !wroteHeader else { return }
        wroteHeader = true
        output.writeBytes(BinaryFormat.magic)
        output.writeInteger(BinaryFormat.version, endianness: .little)
        output.writeBytes(BinaryFormat.gzipHeader)
    }

    /// Stored blocks (RFC 1951 §3.2.4); the stream is byte-aligned before and after.
    private func store(_ bytes: ByteBuffer, into output: inout ByteBuffer) {
        var rest = bytes
        while let block = rest.readSlice(length: min(rest.readableBytes, 0xFFFF)),
            block.readableBytes > 0
        {
            let length = UInt16(block.readableBytes)
            output.writeInteger(UInt8(0))
            output.writeInteger(length, endianness: .little)
            output.writeInteger(~length, endianness: .little)
            output.writeImmutableBuffer(block)
        }
        output.writeBytes(BinaryFormat.flushMark)
    }

    /// Keeps the end of the stream and gives up the rest, also its memory.
    private mutating func remember() {
        var end = pending
        if end.readableBytes < Self.history {
            recent.writeImmutableBuffer(end)
            end = recent
        }
        let surplus = max(0, end.readableBytes - Self.history)
        end.moveReaderIndex(forwardBy: surplus)
        recent = ByteBuffer(bytes: end.readableBytesView)
        pending = ByteBuffer()
    }
}
