import CArchive
import Crypto
import Glibc
import SharedSystem

/// Reads a tar file, compressed or not, entry by entry, and digests it on the way.
///
/// Two readers of libarchive, one behind the other: the first takes the compression off, the
/// second sees the tar file, so that the digest of exactly that file is known at the end.
/// libarchive's own writer is not used: it works on paths.
@safe final class TarReader {
    private let plain: PlainBytes
    private let archive: OpaquePointer

    /// Reads `file` from its start. `limit` bounds the bytes of the uncompressed tar file.
    init(_ file: Descriptor, limit: Int) throws {
        guard lseek(file.number, 0, SEEK_SET) == 0 else { throw SystemFailure("lseek", errno) }
        plain = try PlainBytes(file, limit: limit)
        guard let archive = unsafe archive_read_new() else { throw SystemFailure("tar", ENOMEM) }
        unsafe self.archive = archive
        unsafe archive_read_support_format_tar(archive)
        unsafe archive_read_support_format_empty(archive)
        let opened = unsafe archive_read_open(
            archive,
            Unmanaged.passUnretained(plain).toOpaque(),
            nil,
            { _, context, bytes in
                guard let context = unsafe context else { return -1 }
                let plain = unsafe Unmanaged<PlainBytes>.fromOpaque(context).takeUnretainedValue()
                return unsafe plain.next(bytes)
            },
            nil
        )
        guard opened == ARCHIVE_OK else { throw fault() }
    }

    deinit { unsafe archive_read_free(archive) }

    /// The next entry; what it holds is read before the one after it.
    func next() throws -> TarEntry? {
        var entry: OpaquePointer?
        let result = unsafe archive_read_next_header(archive, &entry)
        if result == ARCHIVE_EOF {
            if let fault = plain.fault { throw fault }
            return nil
        }
        // A warning means a header that was understood in part: which part, nobody knows.
        guard result == ARCHIVE_OK, let entry = unsafe entry else { throw fault() }
        return try unsafe TarEntry(entry)
    }

    /// Hands over what the current entry holds, piece by piece with its place in the file.
    func content(_ body: (UnsafeRawBufferPointer, Int) throws -> Void) throws {
        while true {
            var bytes: UnsafeRawPointer?
            var count = 0
            var offset: Int64 = 0
            let result = unsafe archive_read_data_block(archive, &bytes, &count, &offset)
            if result == ARCHIVE_EOF { return }
            guard result == ARCHIVE_OK else { throw fault() }
            try unsafe body(UnsafeRawBufferPointer(start: bytes, count: count), Int(offset))
        }
    }

    /// Reads what is left, for the digests of the whole.
    func digests() throws -> (file: String, content: String) { try plain.finish() }

    private func fault() -> any Error { unsafe plain.fault ?? archiveFault(archive) }
}

/// What libarchive says is wrong.
private func archiveFault(_ archive: OpaquePointer) -> ImageFault {
    guard let text = unsafe archive_error_string(archive) else {
        return .invalid("it cannot be read as a tar file")
    }
    return unsafe .invalid(String(cString: text))
}

/// The bytes of a file with their compression taken off.
@safe private final class PlainBytes {
    private let file: Descriptor
    private let limit: Int
    private let archive: OpaquePointer
    private let compressed: UnsafeMutableRawBufferPointer
    private let buffer: UnsafeMutableRawBufferPointer
    private var fileDigest = SHA256()
    private var contentDigest = SHA256()
    private var count = 0
    /// What stopped the reading, beside what libarchive itself finds.
    private(set) var fault: (any Error)?

    init(_ file: Descriptor, limit: Int) throws {
        self.file = file
        self.limit = limit
        unsafe compressed = .allocate(byteCount: 128 << 10, alignment: 16)
        unsafe buffer = .allocate(byteCount: 128 << 10, alignment: 16)
        guard let archive = unsafe archive_read_new() else { throw SystemFailure("tar", ENOMEM) }
        unsafe self.archive = archive
        // Only what is built in: others would be programs that libarchive starts.
        unsafe archive_read_support_filter_gzip(archive)
        unsafe archive_read_support_filter_bzip2(archive)
        unsafe archive_read_support_filter_xz(archive)
        unsafe archive_read_support_filter_zstd(archive)
        unsafe archive_read_support_format_raw(archive)
        unsafe archive_read_support_format_empty(archive)
        let opened = unsafe archive_read_open(
            archive,
            Unmanaged.passUnretained(self).toOpaque(),
            nil,
            { _, context, bytes in
                guard let context = unsafe context else { return -1 }
                let plain = unsafe Unmanaged<PlainBytes>.fromOpaque(context).takeUnretainedValue()
                return unsafe plain.nextCompressed(bytes)
            },
            nil
        )
        var entry: OpaquePointer?
        guard opened == ARCHIVE_OK else { throw unsafe fault ?? archiveFault(archive) }
        let header = unsafe archive_read_next_header(archive, &entry)
        guard header == ARCHIVE_OK || header == ARCHIVE_EOF else {
            throw unsafe fault ?? archiveFault(archive)
        }
    }

    deinit {
        unsafe archive_read_free(archive)
        unsafe compressed.deallocate()
        unsafe buffer.deallocate()
    }

    /// For the reader behind this one: the number of bytes, 0 at the end, -1 for a fault.
    func next(_ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        guard fault == nil else { return -1 }
        let got = unsafe archive_read_data(archive, buffer.baseAddress, buffer.count)
        guard got >= 0 else { return unsafe fail(archiveFault(archive)) }
        count += got
        guard count <= limit else {
            return fail(ImageFault.tooLarge("the uncompressed file has more than \(limit) bytes"))
        }
        unsafe contentDigest.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<got]))
        unsafe bytes?.pointee = UnsafeRawPointer(buffer.baseAddress)
        return got
    }

    func finish() throws -> (file: String, content: String) {
        while true {
            let got = unsafe next(nil)
            if got == 0 { break }
            if let fault, got < 0 { throw fault }
        }
        // Behind the end of the compression there may still be something.
        while try readFile() > 0 {}
        return (fileDigest.finalize().hex, contentDigest.finalize().hex)
    }

    private func nextCompressed(_ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        do {
            let got = try readFile()
            unsafe bytes?.pointee = UnsafeRawPointer(compressed.baseAddress)
            return got
        } catch {
            return fail(error)
        }
    }

    private func readFile() throws -> Int {
        while true {
            let got = unsafe Glibc.read(file.number, compressed.baseAddress, compressed.count)
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw SystemFailure("read", errno) }
            let read = unsafe UnsafeRawBufferPointer(rebasing: compressed[..<got])
            unsafe fileDigest.update(bufferPointer: read)
            return got
        }
    }

    private func fail(_ error: any Error) -> Int {
        fault = fault ?? error
        return -1
    }
}

extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits.
    var hex: String {
        map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
