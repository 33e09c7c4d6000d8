#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Gives libcurl the bytes of an `HTTPFileBody`; belongs to the thread of a `CurlLoop`.
struct UploadSource: ~Copyable {
    private let descriptor: Int32
    private let start: UInt64
    private let length: UInt64
    private var position: UInt64 = 0

    init(_ body: HTTPFileBody) throws(CurlFailure) {
        descriptor = unsafe open(body.path, O_RDONLY | O_CLOEXEC)
        start = body.offset
        length = body.length
        guard descriptor >= 0 else {
            throw CurlFailure(
                number: UInt32(bitPattern: errno),
                text: unsafe "\(body.path): \(String(cString: strerror(errno)))"
            )
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Fills `space`; 0 at the end, `nil` if the file can't be read or has become shorter.
    mutating func read(into space: UnsafeMutableRawBufferPointer) -> Int? {
        let wanted = Int(min(UInt64(space.count), length - position))
        guard wanted > 0 else { return 0 }
        while true {
            let got = unsafe pread(
                descriptor,
                space.baseAddress,
                wanted,
                off_t(start + position)
            )
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            position += UInt64(got)
            return got
        }
    }

    /// Goes back for sending once more, as after a kept connection turns out to be closed.
    mutating func seek(to offset: Int64) -> Bool {
        guard offset >= 0, UInt64(offset) <= length else { return false }
        position = UInt64(offset)
        return true
    }
}
