import AuditClient
import NIOCore
import SharedAudit
import SharedMessages

/// Brings the text of recordings that have ended into the index, one after the other.
struct TextIndexer: Sendable {
    let index: RecordingIndex
    let reader: RecordingReader
    /// What is kept of one recording.
    var pieceLimit = 200_000

    /// Pieces that are written together.
    private static let batch = 1000
    /// Compressed bytes that are decoded at once: some can grow a thousandfold.
    private static let step = 16 << 10

    /// Harmless when repeated; a recording that is not decodable gets no text.
    @concurrent
    func add(_ id: RecordingID) async throws {
        guard let facts = try await index.entry(id)?.facts else { return }
        do {
            guard let size = try await reader.size(id) else { return }
            let owner = try await index.beginText(id)
            if facts.format == .binary { try await add(id, size, owner) }
            try await index.endText(owner)
        } catch let error as CodedError where error.code == .auditdEncrypted {
            try await leaveOut(id)
        }
    }

    /// Notes that there is no text of it to be had.
    func leaveOut(_ id: RecordingID) async throws {
        try await index.endText(try await index.beginText(id))
    }

    private func add(_ id: RecordingID, _ size: UInt64, _ owner: Int64) async throws {
        var decoder = RecordingDecoder()
        var text = RecordedText()
        var waiting: [RecordedText.Piece] = []
        var room = pieceLimit
        var seen = SeenFacts()
        var source = reader.pieces(id, size: size)
        while room > 0, var piece = try await source.next() {
            while let part = piece.readSlice(length: min(piece.readableBytes, Self.step)),
                part.readableBytes > 0
            {
                for case .message(let message) in decoder.feed(part) {
                    text.append(message)
                    seen.note(message)
                }
                waiting += text.take()
            }
            if waiting.count >= Self.batch { try await write(&waiting, &room, owner) }
            try Task.checkCancellation()
        }
        if room > 0 { try await index.correct(id, seen) }
        waiting += text.finish()
        try await write(&waiting, &room, owner)
    }

    private func write(
        _ pieces: inout [RecordedText.Piece],
        _ room: inout Int,
        _ owner: Int64
    ) async throws {
        for start in stride(from: 0, to: min(pieces.count, room), by: Self.batch) {
            let end = min(start + Self.batch, pieces.count, room)
            try await index.addText(Array(pieces[start..<end]), to: owner)
        }
        room -= min(room, pieces.count)
        pieces = []
    }
}

/// What a recording says of itself, for when nobody else does: its gateway was lost before it told
/// auditd, or the index was, and files may have been copied since.
struct SeenFacts: Sendable, Hashable {
    /// Of the last message, nanoseconds since the Unix epoch; 0: there was none.
    private(set) var endedAt: Int64 = 0
    private(set) var username = ""
    private(set) var container = ""

    mutating func note(_ message: AuditMessage) {
        endedAt = message.timestamp
        switch message.event {
        case .handshakeSuccessful(let name): username = name
        case .container(let name): container = name
        default: break
        }
    }
}
