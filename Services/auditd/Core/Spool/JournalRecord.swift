import AuditClient
import CIsal
import NIOCore

/// One line of the journal: what was acknowledged to a gateway, or will be with the next sync.
///
/// On disk: length and CRC-32 of the body (4 bytes each, big endian), then the body: kind,
/// identifier, a number, of parts their number and offset, and a payload that fills the rest.
enum JournalRecord: Sendable, Hashable {
    /// Also repeated at the beginning of each journal for what is not stored yet.
    case recording(RecordingID, length: UInt64, SpooledFacts)
    case append(RecordingID, offset: UInt64, ByteBuffer)
    /// As `append`, with bytes that are durable in the recording's own file already, and their
    /// CRC-32.
    case extent(RecordingID, offset: UInt64, length: UInt64, checksum: UInt32)
    case finish(RecordingID, endedAt: Int64, isInterrupted: Bool)
    /// Another place has it now; `length` is `nil` in records of before it was written down.
    case stored(RecordingID, length: UInt64?)
}

/// What the spool keeps of a recording beside its bytes.
struct SpooledFacts: Sendable, Hashable, Codable {
    var facts: RecordingFacts
    var gateway: String
    var state: RecordingSummary.State
    var endedAt: Int64?
}

extension JournalRecord {
    static let headLength = 8
    /// A batch's limit and some: longer ones are not ours.
    static let maximumBody = RecordingRoutes.batchLimit + 4096

    /// In a record's kind: the part's number and offset follow.
    fileprivate static let partMark: UInt8 = 0x10

    func write(to buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        buffer.writeInteger(UInt64(0))
        writeBody(to: &buffer)
        let length = buffer.writerIndex - start - Self.headLength
        buffer.setInteger(UInt32(length), at: start)
        let body = buffer.getSlice(at: start + Self.headLength, length: length)
        buffer.setInteger(body?.checksum() ?? 0, at: start + 4)
    }

    private func writeBody(to buffer: inout ByteBuffer) {
        switch self {
        case .recording(let id, let length, let facts):
            buffer.writeHead(1, id, length)
            buffer.writeImmutableBuffer(BatchJSON.encode(facts))
        case .append(let id, let offset, let bytes):
            buffer.writeHead(2, id, offset)
            buffer.writeImmutableBuffer(bytes)
        case .extent(let id, let offset, let length, let checksum):
            buffer.writeHead(6, id, offset)
            buffer.writeMultipleIntegers(length, checksum)
        case .finish(let id, let endedAt, let isInterrupted):
            buffer.writeHead(isInterrupted ? 4 : 3, id, UInt64(bitPattern: endedAt))
        // Behind the length, so that 0 means that it isn't known.
        case .stored(let id, let length): buffer.writeHead(5, id, length.map { $0 &+ 1 } ?? 0)
        }
    }

    /// The record at the front of a journal's bytes; `nil` where there is no whole, right one.
    static func read(from buffer: inout ByteBuffer) -> JournalRecord? {
        guard
            let (length, sum) = buffer.getMultipleIntegers(
                at: buffer.readerIndex,
                as: (UInt32, UInt32).self
            ),
            length <= maximumBody,
            let body = buffer.getSlice(
                at: buffer.readerIndex + headLength,
                length: Int(length)
            ),
            body.checksum() == sum,
            let record = parse(body)
        else { return nil }
        buffer.moveReaderIndex(forwardBy: headLength + Int(length))
        return record
    }

    private static func parse(_ body: ByteBuffer) -> JournalRecord? {
        var body = body
        guard
            let (kind, high, low, number) = body.readMultipleIntegers(
                as: (UInt8, UInt64, UInt64, UInt64).self
            )
        else { return nil }
        var id = RecordingID(high: high, low: low)
        if kind & partMark != 0 {
            guard let (part, offset) = body.readMultipleIntegers(as: (UInt32, UInt64).self),
                part > 0
            else { return nil }
            id = id.part(part, from: offset)
        }
        switch kind & ~partMark {
        case 1:
            // A record that sums up but does not decode is of a newer version: not to be guessed.
            guard let facts = try? BatchJSON.decode(SpooledFacts.self, from: body) else {
                return nil
            }
            return .recording(id, length: number, facts)
        case 2: return .append(id, offset: number, body)
        case 3, 4:
            let endedAt = Int64(bitPattern: number)
            return .finish(id, endedAt: endedAt, isInterrupted: kind == 4)
        case 5: return .stored(id, length: number > 0 ? number - 1 : nil)
        case 6:
            guard let (length, checksum) = body.readMultipleIntegers(as: (UInt64, UInt32).self)
            else { return nil }
            return .extent(id, offset: number, length: length, checksum: checksum)
        default: return nil
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeHead(_ kind: UInt8, _ id: RecordingID, _ number: UInt64) {
        let mark = id.isWhole ? 0 : JournalRecord.partMark
        writeMultipleIntegers(kind | mark, id.high, id.low, number)
        if !id.isWhole { writeMultipleIntegers(id.part, id.offset) }
    }

    /// The CRC-32 of what can be read, or of `before` and that.
    func checksum(_ before: UInt32 = 0) -> UInt32 {
        unsafe withUnsafeReadableBytes { bytes in
            unsafe crc32_gzip_refl(
                before,
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                UInt64(bytes.count)
            )
        }
    }
}
