import CZlib
import NIOCore

/// A deflate compressor (RFC 1951) that makes byte-aligned pieces of a stream.
///
/// It keeps nothing of a stream between two pieces, so a few of them serve any number of
/// recordings: each piece is compressed with the stream's last bytes as dictionary, which a
/// decompressor has at that place anyway. One owner at a time; costs 256 KiB.
@safe
package final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// Fast: recordings are made while people wait. Returns `nil` only without memory.
    package init?(level: Int32 = 1) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        guard unsafe berth_deflate_init_raw(stream, level, 15, 8) == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Appends `input` compressed to `output`, ended by the empty stored block of a sync flush.
    ///
    /// `dictionary` is what came before in the stream: at most the last 32 KiB of it.
    func compress(_ input: ByteBuffer, dictionary: ByteBuffer, into output: inout ByteBuffer) {
        unsafe deflateReset(stream)
        unsafe dictionary.withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress, bytes.count > 0 else { return }
            unsafe deflateSetDictionary(
                stream,
                base.assumingMemoryBound(to: Bytef.self),
                uInt(bytes.count)
            )
        }
        unsafe input.withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            // zlib's `next_in` lacks a const; the input is never written to.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: base.assumingMemoryBound(to: Bytef.self)
            )
            unsafe stream.pointee.avail_in = uInt(bytes.count)
            drain(into: &output, room: bytes.count / 2 + 64)
        }
    }

    /// Runs deflate until it leaves output space unused: then all of the flush is out.
    private func drain(into output: inout ByteBuffer, room: Int) {
        var isFull = true
        while isFull {
            let written = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) {
                space in
                guard let base = space.baseAddress else { return 0 }
                unsafe stream.pointee.next_out = base.assumingMemoryBound(to: Bytef.self)
                unsafe stream.pointee.avail_out = uInt(clamping: space.count)
                unsafe deflate(stream, Z_SYNC_FLUSH)
                isFull = unsafe stream.pointee.avail_out == 0
                return unsafe Int(uInt(clamping: space.count) - stream.pointee.avail_out)
            }
            if written == 0 { return }
        }
    }
}
