package import NIOCore

/// Reads a binary recording of version 1 or 2 piece by piece, to the last complete message.
///
/// What the original's decoder says about a file, this one says too, in the same words where the
/// words are known. Where it is more patient: a version 1 array that was cut off gives its
/// complete elements before the error.
package struct RecordingDecoder {
    package enum Item: Sendable, Hashable {
        case message(AuditMessage)
        /// Nothing follows after one of these, except for an unknown type in version 1.
        case failure(String)
    }

    private enum Stage {
        case header
        case items
        /// The gzip member has ended.
        case terminated
        case failed
    }

    private var stage = Stage.header
    private var input = ByteBuffer()
    private var inflated = ByteBuffer()
    private var isFirstPiece = true
    /// Version 1 only: how many elements are still to come.
    private var array: Array?
    private var version: UInt64 = 0
    /// What is wrong with the file; `nil` while nothing is known to be.
    package private(set) var fault: RecordingFault?
    private let inflater: Inflater?

    /// Version 1 is one array around all messages.
    private enum Array {
        case unopened
        case indefinite
        case definite(UInt64)
        case closed
    }

    package init() { inflater = Inflater() }

    /// Takes the next bytes of the file and gives the messages that they complete.
    package mutating func feed(_ bytes: ByteBuffer) -> [Item] {
        var items: [Item] = []
        input.writeImmutableBuffer(bytes)
        if stage == .header { readHeader(&items) }
        if stage == .items { inflateAll(&items) }
        input.discardReadBytes()
        return items
    }

    /// Says that the file ends here.
    package mutating func end() -> [Item] {
        defer { stage = .failed }
        switch stage {
        case .failed: return []
        case .header:
            let size = input.readableBytes
            fault = isBeginning ? .truncated : .notARecording
            return [.failure(size == 0 ? "EOF" : "unexpected EOF")]
        case .items where isFirstPiece:
            let isEmpty = input.readableBytes == 0
            fault = .truncated
            return [.failure("failed to open gzip stream (\(isEmpty ? "" : "unexpected ")EOF)")]
        case .items where version == 1, .terminated where version == 1:
            if case .closed = array { return [] }
            fault = .truncated
            return [.failure("failed to decode messages (unexpected EOF)")]
        case .items: return []
        case .terminated: return [.failure("failed to decode messages (EOF)")]
        }
    }

    // MARK: - Header

    /// Whether what there is could be the first bytes of a recording.
    private var isBeginning: Bool {
        input.readableBytes > 0
            && BinaryFormat.magic.starts(with: input.readableBytesView.prefix(32))
    }

    private mutating func readHeader(_ items: inout [Item]) {
        guard let magic = input.getBytes(at: input.readerIndex, length: BinaryFormat.magic.count),
            input.readableBytes >= BinaryFormat.headerLength
        else { return }
        input.moveReaderIndex(forwardBy: magic.count)
        version = input.readInteger(endianness: .little) ?? 0
        if magic != BinaryFormat.magic {
            let numbers = magic.map(String.init).joined(separator: " ")
            fail("invalid file format header: [\(numbers)]", &items, .notARecording)
        } else if version > BinaryFormat.version {
            fail("file format version is higher than supported: \(version)", &items, .version)
        } else if version == 0 {
            fail("file format version is not supported: 0", &items, .version)
        } else {
            array = version == 1 ? .unopened : nil
            stage = .items
        }
    }

    private mutating func fail(
        _ text: String,
        _ items: inout [Item],
        _ fault: RecordingFault = .damaged
    ) {
        items.append(.failure(text))
        self.fault = fault
        stage = .failed
    }

    // MARK: - Messages

    private mutating func inflateAll(_ items: inout [Item]) {
        guard let inflater else { return fail("failed to open gzip stream (no memory)", &items) }
        if isFirstPiece {
            guard input.readableBytes >= BinaryFormat.gzipHeader.count else { return }
            isFirstPiece = false
            guard input.getBytes(at: input.readerIndex, length: 2) == [0x1F, 0x8B] else {
                return fail("failed to open gzip stream (gzip: invalid header)", &items)
            }
        }
        while stage == .items {
            let progress = inflater.inflate(&input, into: &inflated)
            decodeAll(&items)
            guard stage == .items else { return }
            switch progress {
            case .hasMore: continue
            case .needsInput: return
            case .ended: stage = .terminated
            case .corrupt: fail("failed to decode messages (corrupt deflate stream)", &items)
            }
        }
    }

    private mutating func decodeAll(_ items: inout [Item]) {
        while stage == .items {
            var reader = CBORReader(inflated)
            do throws(CBORError) {
                guard try enterArray(&reader), reader.bytes.readableBytes > 0 else { break }
                let item = try reader.next()
                inflated = reader.bytes
                countElement()
                deliver(item, &items)
            } catch .incomplete {
                guard inflated.readableBytes <= CBORReader.maximumString + (1 << 16) else {
                    return fail("failed to decode messages (message too large)", &items)
                }
                break
            } catch {
                return fail("failed to decode messages (\(error))", &items)
            }
        }
        inflated.discardReadBytes()
    }

    /// Passes an array's beginning and end; false where no element follows.
    private mutating func enterArray(_ reader: inout CBORReader) throws(CBORError) -> Bool {
        switch array {
        case nil: return true
        case .unopened:
            array = try reader.arrayHead().map(Array.definite) ?? .indefinite
            inflated = reader.bytes
            return try enterArray(&reader)
        case .indefinite:
            guard reader.skip(0xFF) else { return true }
            inflated = reader.bytes
            array = .closed
            return false
        case .definite(0):
            array = .closed
            return false
        case .definite: return true
        case .closed: return false
        }
    }

    private mutating func countElement() {
        if case .definite(let count) = array { array = .definite(count - 1) }
    }

    private mutating func deliver(_ item: CBORValue, _ items: inout [Item]) {
        do throws(AuditMessageError) {
            items.append(.message(try AuditMessage(item)))
        } catch .unknownType(let type) where version == 1 {
            fault = .unknownType
            items.append(.failure("invalid message type: \(type)"))
        } catch .unknownType(let type) {
            fail("invalid message type: \(type)", &items, .unknownType)
        } catch {
            fail("failed to decode messages (\(error))", &items)
        }
    }
}
