package import NIOCore

/// What one gateway asks of many recordings in one request; `docs/recordings-api.md` has the bytes.
///
/// The frames of one recording are carried out in order. All of a batch is durable when it is
/// answered.
package struct RecordingBatch: Sendable, Hashable {
    package struct Frame: Sendable, Hashable {
        package var id: RecordingID
        package var action: Action

        package init(_ id: RecordingID, _ action: Action) {
            self.id = id
            self.action = action
        }
    }

    package enum Action: Sendable, Hashable {
        /// Begins a recording or, if it is there already, replaces its facts.
        /// The bytes are `RecordingFacts` as JSON.
        case open(ByteBuffer)
        /// Bytes that begin at `offset`. Those that are already there are skipped.
        case append(offset: UInt64, ByteBuffer)
        /// Ends a recording that has exactly `length` bytes.
        case finish(length: UInt64)
    }

    /// Identifies the sender for as long as it lives; its recordings are finished for it once
    /// nothing came from it for too long. 1...64 bytes.
    package var gateway: String
    package var frames: [Frame]

    package init(gateway: String, frames: [Frame] = []) {
        self.gateway = gateway
        self.frames = frames
    }
}

/// Why bytes are no batch.
package enum BatchError: Error, Sendable, Hashable {
    case notABatch
    case truncated
    case unknownAction(UInt8)
    case tooManyFrames
}

extension RecordingBatch {
    /// `BRB` and the version of this framing.
    private static let magic: UInt32 = 0x4252_4201
    /// Bounds what a receiver keeps per request.
    package static let maximumFrames = 1 << 14
    /// Kind, identifier, part, offset and length of a frame.
    package static let frameOverhead = 1 + 16 + 12 + 8 + 4
    /// In a frame's kind: the identifier is followed by the part's number and offset.
    fileprivate static let partMark: UInt8 = 0x10

    /// Data of at least this size is not copied.
    private static let largeData = 4 << 10

    package func encoded() -> ByteBuffer {
        var pieces = encodedPieces()
        guard var bytes = pieces.first else { return ByteBuffer() }
        for index in pieces.indices.dropFirst() { bytes.writeBuffer(&pieces[index]) }
        return bytes
    }

    /// The bytes as pieces that belong one behind the other, at least one.
    package func encodedPieces() -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        var bytes = ByteBuffer()
        bytes.writeInteger(Self.magic)
        bytes.writeInteger(UInt8(clamping: gateway.utf8.count))
        bytes.writeBytes(gateway.utf8.prefix(255))
        for frame in frames {
            let data = bytes.writeFrame(frame)
            guard data.readableBytes >= Self.largeData else {
                bytes.writeImmutableBuffer(data)
                continue
            }
            pieces.append(bytes)
            pieces.append(data)
            bytes = ByteBuffer()
        }
        if bytes.readableBytes > 0 { pieces.append(bytes) }
        return pieces
    }

    package init(decoding bytes: ByteBuffer) throws(BatchError) {
        var rest = bytes
        guard rest.readInteger(as: UInt32.self) == Self.magic,
            let length = rest.readInteger(as: UInt8.self), (1...64).contains(length),
            let gateway = rest.readString(length: Int(length))
        else { throw .notABatch }
        self.init(gateway: gateway)
        while rest.readableBytes > 0 {
            guard frames.count < Self.maximumFrames else { throw .tooManyFrames }
            frames.append(try rest.readFrame())
        }
    }
}

extension ByteBuffer {
    /// Writes what stands before a frame's data, and answers that.
    fileprivate mutating func writeFrame(_ frame: RecordingBatch.Frame) -> ByteBuffer {
        switch frame.action {
        case .open(let facts): writeHead(1, frame.id, 0, facts)
        case .append(let offset, let data): writeHead(2, frame.id, offset, data)
        case .finish(let length): writeHead(3, frame.id, length, ByteBuffer())
        }
    }

    private mutating func writeHead(
        _ kind: UInt8,
        _ id: RecordingID,
        _ offset: UInt64,
        _ data: ByteBuffer
    ) -> ByteBuffer {
        if id.isWhole {
            writeMultipleIntegers(kind, id.high, id.low)
        } else {
            let marked = kind | RecordingBatch.partMark
            writeMultipleIntegers(marked, id.high, id.low, id.part, id.offset)
        }
        writeMultipleIntegers(offset, UInt32(clamping: data.readableBytes))
        return data
    }

    fileprivate mutating func readFrame() throws(BatchError) -> RecordingBatch.Frame {
        guard
            let (kind, high, low) = readMultipleIntegers(as: (UInt8, UInt64, UInt64).self)
        else { throw .truncated }
        var id = RecordingID(high: high, low: low)
        if kind & RecordingBatch.partMark != 0 {
            guard let (part, start) = readMultipleIntegers(as: (UInt32, UInt64).self) else {
                throw .truncated
            }
            // One spelling per name.
            guard part > 0 else { throw .unknownAction(kind) }
            id = id.part(part, from: start)
        }
        guard let (offset, length) = readMultipleIntegers(as: (UInt64, UInt32).self),
            let data = readSlice(length: Int(length))
        else { throw .truncated }
        switch kind & ~RecordingBatch.partMark {
        case 1: return .init(id, .open(data))
        case 2: return .init(id, .append(offset: offset, data))
        case 3: return .init(id, .finish(length: offset))
        default: throw .unknownAction(kind)
        }
    }
}
