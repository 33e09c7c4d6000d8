import NIOCore

/// Gives libcurl the bytes of several buffers; belongs to the thread of a `CurlLoop`.
struct PieceSource {
    let length: UInt64
    private let pieces: [ByteBuffer]
    private var next = 0
    /// Bytes of the next piece that were given already.
    private var taken = 0

    init(_ pieces: [ByteBuffer]) {
        self.pieces = pieces
        length = pieces.reduce(0) { $0 + UInt64($1.readableBytes) }
    }

    /// Fills `space`; 0 at the end.
    mutating func read(into space: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < space.count, next < pieces.count {
            let count = unsafe pieces[next].withUnsafeReadableBytes { bytes in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[taken...])
                let count = min(rest.count, space.count - filled)
                unsafe space[filled...].copyBytes(from: rest.prefix(count))
                return count
            }
            filled += count
            taken += count
            if taken == pieces[next].readableBytes { (next, taken) = (next + 1, 0) }
        }
        return filled
    }

    /// Goes back for sending once more, as after a kept connection turns out to be closed.
    mutating func seek(to offset: Int64) -> Bool {
        guard offset >= 0, UInt64(offset) <= length else { return false }
        (next, taken) = (0, Int(offset))
        while next < pieces.count, taken >= pieces[next].readableBytes {
            taken -= pieces[next].readableBytes
            next += 1
        }
        return true
    }
}
