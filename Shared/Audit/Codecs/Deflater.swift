import CIsal
import NIOCore

/// A deflate compressor (RFC 1951) that makes byte-aligned pieces of a stream.
///
/// It keeps nothing of a stream between two pieces, so a few of them serve any number of
/// recordings: each piece is compressed with the stream's last bytes as dictionary, which a
/// decompressor has at that place anyway. One owner at a time; costs 360 KiB.
@safe
package final class Deflater {
    private let stream: UnsafeMutablePointer<isal_zstream>
    private let tables: UnsafeMutablePointer<UInt8>
    /// Fast: recordings are made while people wait.
    private static let level: UInt32 = 1
    /// Grows as needed.
    private static let room = 16 << 10

    /// Returns `nil` only without memory.
    package init?() {
        guard let stream = unsafe malloc(MemoryLayout<isal_zstream>.size),
            let tables = unsafe malloc(Int(berth_isal_tables))
        else { return nil }
        unsafe self.stream = stream.assumingMemoryBound(to: isal_zstream.self)
        unsafe self.tables = tables.assumingMemoryBound(to: UInt8.self)
        unsafe isal_deflate_init(self.stream)
        unsafe self.stream.pointee.level = Self.level
        unsafe self.stream.pointee.level_buf = self.tables
        unsafe self.stream.pointee.level_buf_size = UInt32(berth_isal_tables)
    }

    deinit {
        unsafe free(stream)
        unsafe free(tables)
    }

    /// Appends the pieces compressed to `output`, ended by the empty stored block of a sync flush.
    ///
    /// `dictionary` is what came before in the stream: at most the last 32 KiB of it.
    func compress(_ pieces: [ByteBuffer], dictionary: ByteBuffer, into output: inout ByteBuffer) {
        unsafe isal_deflate_reset(stream)
        unsafe dictionary.withUnsafeReadableBytes { bytes in
            guard let base = unsafe Self.start(of: bytes) else { return }
            unsafe isal_deflate_set_dict(stream, base, UInt32(bytes.count))
        }
        for (index, piece) in pieces.enumerated() {
            unsafe stream.pointee.flush = UInt16(
                index == pieces.count - 1 ? SYNC_FLUSH : NO_FLUSH
            )
            unsafe piece.withUnsafeReadableBytes { bytes in
                guard let base = unsafe Self.start(of: bytes) else { return }
                unsafe stream.pointee.next_in = base
                unsafe stream.pointee.avail_in = UInt32(bytes.count)
                drain(into: &output)
            }
        }
    }

    /// Runs until output space is left unused: then all of the flush is out.
    private func drain(into output: inout ByteBuffer) {
        var isFull = true
        while isFull {
            unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.room) { space in
                let room = UInt32(clamping: space.count)
                unsafe stream.pointee.next_out = space.baseAddress?
                    .assumingMemoryBound(to: UInt8.self)
                unsafe stream.pointee.avail_out = room
                // Its only failures are a wrong level and wrong flags.
                unsafe isal_deflate(stream)
                isFull = unsafe stream.pointee.avail_out == 0
                return unsafe Int(room - stream.pointee.avail_out)
            }
        }
    }

    /// The library's pointers lack a const; it never writes there.
    private static func start(
        of bytes: UnsafeRawBufferPointer
    ) -> UnsafeMutablePointer<UInt8>? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        return unsafe UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
    }
}
