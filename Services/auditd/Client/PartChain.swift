/// The parts of one recording, put together: which part has which bytes.
package struct PartChain: Sendable, Hashable {
    package struct Piece: Sendable, Hashable {
        package var part: RecordingID
        /// Where it begins in the whole recording.
        package var start: UInt64
        /// Where what is taken of it ends.
        package var end: UInt64
    }

    package private(set) var pieces: [Piece] = []
    /// Bytes without a gap from the beginning on.
    package private(set) var size: UInt64 = 0

    /// Takes the parts that there are, with their sizes. Parts may overlap: what two of them have
    /// is the same, as one gateway sent it to both.
    package init(_ parts: [(id: RecordingID, size: UInt64)]) {
        let spans = parts.map {
            Piece(part: $0.id, start: $0.id.offset, end: $0.id.offset &+ $0.size)
        }
        while let next = spans.filter({ $0.start <= size && $0.end > size })
            .max(by: { ($0.end, $0.part.part) < ($1.end, $1.part.part) })
        {
            pieces.append(Piece(part: next.part, start: size, end: next.end))
            size = next.end
        }
    }

    /// The part that has the byte at `offset`, and where in it; `nil` at the end.
    package func place(of offset: UInt64) -> (part: RecordingID, offset: UInt64, rest: UInt64)? {
        guard let piece = pieces.first(where: { $0.start <= offset && offset < $0.end }) else {
            return nil
        }
        return (piece.part, offset - piece.part.offset, piece.end - offset)
    }
}
