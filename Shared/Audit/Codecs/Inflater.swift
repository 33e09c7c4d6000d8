import CZlib
import NIOCore

/// A decompressor of one gzip member (RFC 1952) that is fed piece by piece.
@safe
final class Inflater {
    enum Progress {
        /// All input was used; more may come.
        case needsInput
        /// There was no more room for output; call again.
        case hasMore
        /// The member ended, its checksum is right.
        case ended
        case corrupt
    }

    private let stream: UnsafeMutablePointer<z_stream>

    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        guard unsafe berth_inflate_init_gzip(stream) == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Takes bytes from the front of `input` and appends at most `limit` bytes to `output`.
    func inflate(
        _ input: inout ByteBuffer,
        into output: inout ByteBuffer,
        limit: Int = 64 << 10
    ) -> Progress {
        var status = Z_OK
        unsafe input.readWithUnsafeMutableReadableBytes { source in
            unsafe stream.pointee.next_in = source.baseAddress?.assumingMemoryBound(
                to: Bytef.self
            )
            unsafe stream.pointee.avail_in = uInt(source.count)
            unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { space in
                unsafe stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(
                    to: Bytef.self
                )
                unsafe stream.pointee.avail_out = uInt(limit)
                unsafe status = CZlib.inflate(stream, Z_NO_FLUSH)
                return unsafe limit - Int(stream.pointee.avail_out)
            }
            return unsafe source.count - Int(stream.pointee.avail_in)
        }
        return unsafe progress(after: status, isFull: stream.pointee.avail_out == 0)
    }

    private func progress(after status: Int32, isFull: Bool) -> Progress {
        switch status {
        case Z_STREAM_END: .ended
        case Z_OK: isFull ? .hasMore : .needsInput
        // No progress was possible: not an error (zlib.h, inflate).
        case Z_BUF_ERROR: .needsInput
        default: .corrupt
        }
    }
}
