import AuditClient
import NIOCore
import SharedAudit
import SharedMessages

/// A recording as server-sent events (HTML Living Standard §9.2): what there is, then what comes.
///
/// Each event `message` has a message's JSON and its number as id; the event `end` tells the
/// state in which the recording ended.
struct LiveStream {
    private let id: RecordingID
    /// Numbers up to this one are left out: the receiver has them.
    private let after: UInt64
    private let reader: RecordingReader
    private let state: () async throws -> RecordingSummary.State
    private var decoder = RecordingDecoder()
    private var offset: UInt64 = 0
    private var number: UInt64 = 0
    private var wroteAt = ContinuousClock.now
    private var known = RecordingSummary.State.open
    private var hasEnded = false

    /// Sent so that whoever stands between sees the stream alive.
    private static let pulse: Duration = .seconds(15)

    init(
        _ id: RecordingID,
        after: UInt64,
        reader: RecordingReader,
        state: @escaping () async throws -> RecordingSummary.State
    ) {
        self.id = id
        self.after = after
        self.reader = reader
        self.state = state
    }

    enum Step {
        /// Never empty.
        case bytes(ByteBuffer)
        /// All that there is was given.
        case wait
    }

    /// What to do next; `nil` at the end.
    mutating func next() async throws -> Step? {
        while !hasEnded {
            if let piece = try await reader.next(id, &offset) {
                let events = events(decoder.feed(piece))
                guard events.readableBytes > 0 else { continue }
                wroteAt = .now
                return .bytes(events)
            }
            guard known == .open else {
                hasEnded = true
                return .bytes(ByteBuffer(string: "event: end\ndata: \(known.rawValue)\n\n"))
            }
            // What came before the end is read once more after the end is known.
            known = try await state()
            guard known == .open else { continue }
            if wroteAt + Self.pulse < .now {
                wroteAt = .now
                return .bytes(ByteBuffer(string: ": alive\n\n"))
            }
            return .wait
        }
        return nil
    }

    private mutating func events(_ items: [RecordingDecoder.Item]) -> ByteBuffer {
        var bytes = ByteBuffer()
        for item in items {
            number += 1
            guard number > after else { continue }
            bytes.writeString("id: \(number)\nevent: message\ndata: \(item.jsonLine)\n\n")
        }
        return bytes
    }
}

extension RecordingReader {
    /// A small piece from `offset` on, which is moved; `nil` where there is no more yet.
    fileprivate func next(_ id: RecordingID, _ offset: inout UInt64) async throws -> ByteBuffer? {
        do {
            guard let size = try await size(id), size > offset else { return nil }
            let count = Int(min(size - offset, 16 << 10))
            guard let piece = try await piece(id, at: offset, count: count),
                piece.readableBytes > 0
            else { return nil }
            offset += UInt64(piece.readableBytes)
            return piece
        } catch let error as CodedError where error.code == .auditdEncrypted && offset > 0 {
            // It has ended, and moved.
            return nil
        }
    }
}
