package import NIOCore

/// Puts together the parts of a recording that are read one after the other, each from its
/// beginning: what was there already is left out.
///
/// Unlike `PartChain` it need not know how long they are, as nobody does who has them encrypted.
package struct PartJoin: Sendable {
    /// Bytes of the whole recording so far.
    package private(set) var position: UInt64 = 0
    /// The place in the recording of the part's next byte; never behind `position`.
    private var place: UInt64 = 0

    package init() {}

    /// The order in which parts have to come.
    package static func ordered(_ parts: some Sequence<RecordingID>) -> [RecordingID] {
        parts.sorted { ($0.offset, $0.part) < ($1.offset, $1.part) }
    }

    /// False where there is a gap before the part: nothing behind it counts.
    package mutating func begin(_ part: RecordingID) -> Bool {
        guard part.offset <= position else { return false }
        place = part.offset
        return true
    }

    /// Takes the part's next bytes and gives those that are new.
    package mutating func take(_ bytes: ByteBuffer) -> ByteBuffer {
        var new = bytes
        let known = Int(min(UInt64(bytes.readableBytes), position - place))
        new.moveReaderIndex(forwardBy: known)
        place += UInt64(bytes.readableBytes)
        position = max(position, place)
        return new
    }
}
