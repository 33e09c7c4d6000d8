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

    /// Data of at least this size is not copied.
    private static let largeData = 4 << 10

    /// What was appended since the last flush, in order; `end` belongs behind it.
    private var pieces: [ByteBuffer] = []
    private var end = ByteBuffer()
    private var recent = ByteBuffer()
    private var storedBudget = 0
    private var wroteHeader = false

    package init() {}

    package mutating func append(_ message: AuditMessage) {
        end.writeCBORBeginning(of: message)
        if let fields = message.event.fields {
            end.writeCBORHead(5, UInt64(fields.count))
            for field in fields {
                end.writeCBOR(field.key)
                append(field.value)
            }
        } else {
            end.writeCBORNull()
        }
        end.writeCBOREnd(of: message)
    }

    private mutating func append(_ value: AuditField) {
        guard case .data(let data?) = value, data.readableBytes >= Self.largeData else {
            return end.writeCBOR(value)
        }
        end.writeCBORHead(2, UInt64(data.readableBytes))
        pieces.append(end)
        pieces.append(data)
        end = ByteBuffer()
    }

    package mutating func flush(using deflater: Deflater) -> ByteBuffer {
        guard !pieces.isEmpty || end.readableBytes > 0 else { return ByteBuffer() }
        var output = ByteBuffer()
        writeHeader(into: &output)
        let start = output.writerIndex
        pieces.append(end)
        let count = pieces.reduce(0) { $0 + $1.readableBytes }
        if storedBudget > 0 {
            storedBudget -= count
            store(into: &output)
        } else {
            deflater.compress(pieces, dictionary: recent, into: &output)
            let size = output.writerIndex - start
            if count >= Self.probe, size > count / 16 * 15 { storedBudget = Self.storedRun }
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
    private func store(into output: inout ByteBuffer) {
        for var rest in pieces {
            while let block = rest.readSlice(length: min(rest.readableBytes, 0xFFFF)),
                block.readableBytes > 0
            {
                let length = UInt16(block.readableBytes)
                output.writeInteger(UInt8(0))
                output.writeInteger(length, endianness: .little)
                output.writeInteger(~length, endianness: .little)
                output.writeImmutableBuffer(block)
            }
        }
        output.writeBytes(BinaryFormat.flushMark)
    }

    /// Keeps the end of the stream and gives up the rest, also its memory.
    private mutating func remember() {
        var ends: [ByteBuffer] = []
        var missing = Self.history
        for piece in ([recent] + pieces).reversed() where missing > 0 {
            let count = min(missing, piece.readableBytes)
            let start = piece.writerIndex - count
            if let part = piece.getSlice(at: start, length: count) { ends.append(part) }
            missing -= count
        }
        recent = ByteBuffer()
        for part in ends.reversed() { recent.writeImmutableBuffer(part) }
        pieces = []
        end = ByteBuffer()
    }
}
