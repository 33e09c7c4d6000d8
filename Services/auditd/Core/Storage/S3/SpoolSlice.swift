import CIsal
import Crypto
import FoundationEssentials
import NIOCore
import NIOPosix
import SharedConfig
import SharedHTTP

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A range of a recording's file, and what is computed over it.
struct SpoolSlice: Sendable, Hashable {
    var path: String
    var offset: UInt64
    var length: UInt64

    /// What is to be computed; each costs time.
    struct Wanted: OptionSet {
        let rawValue: Int
        static let sha256 = Wanted(rawValue: 1)
        static let md5 = Wanted(rawValue: 2)
        static let crc32 = Wanted(rawValue: 4)
    }

    struct Digests: Sendable {
        var sha256: [UInt8] = []
        var md5: [UInt8] = []
        /// Big endian.
        var crc32: [UInt8] = []
    }

    var body: HTTPFileBody { HTTPFileBody(path: path, offset: offset, length: length) }

    /// Reads the range once, a little at a time. Throws a `FileError`, or an `S3Failure` with
    /// reason `disk` when the file is too short.
    func digests(_ wanted: Wanted, on threads: NIOThreadPool) async throws -> Digests {
        try await threads.runIfActive { try compute(wanted) }
    }

    private func compute(_ wanted: Wanted) throws -> Digests {
        let file = try OpenFile(path, O_RDONLY)
        var digester = Digester(wanted: wanted)
        var position = offset
        while position < offset + length {
            let count = Int(min(512 << 10, offset + length - position))
            let piece = try file.read(at: position, count: count)
            guard piece.readableBytes > 0 else {
                throw S3Failure(.disk, detail: "\(path) is too short")
            }
            digester.update(piece)
            position += UInt64(piece.readableBytes)
        }
        return digester.finish()
    }
}

extension SpoolSlice.Digests {
    /// Of bytes that are at hand.
    init(of bytes: ByteBuffer, _ wanted: SpoolSlice.Wanted) {
        var digester = Digester(wanted: wanted)
        digester.update(bytes)
        self = digester.finish()
    }
}

private struct Digester {
    let wanted: SpoolSlice.Wanted
    private var sha256 = SHA256()
    private var md5 = Insecure.MD5()
    private var crc: UInt32 = 0

    init(wanted: SpoolSlice.Wanted) { self.wanted = wanted }

    mutating func update(_ piece: ByteBuffer) {
        unsafe piece.withUnsafeReadableBytes { bytes in
            if wanted.contains(.sha256) { unsafe sha256.update(bufferPointer: bytes) }
            if wanted.contains(.md5) { unsafe md5.update(bufferPointer: bytes) }
            if wanted.contains(.crc32) {
                crc = unsafe crc32_gzip_refl(
                    crc,
                    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    UInt64(bytes.count)
                )
            }
        }
    }

    func finish() -> SpoolSlice.Digests {
        SpoolSlice.Digests(
            sha256: wanted.contains(.sha256) ? Array(sha256.finalize()) : [],
            md5: wanted.contains(.md5) ? Array(md5.finalize()) : [],
            crc32: wanted.contains(.crc32) ? crc.bigEndianBytes : []
        )
    }
}

extension UInt32 {
    fileprivate var bigEndianBytes: [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) }
    }
}

extension AuditS3Config.Checksum {
    /// As S3 names it; `nil` without one.
    var algorithm: String? {
        switch self {
        case .none: nil
        case .sha256: "SHA256"
        case .crc32: "CRC32"
        }
    }

    /// Beside SHA-256, which every request is signed with.
    var wanted: SpoolSlice.Wanted { self == .crc32 ? [.sha256, .crc32] : .sha256 }

    /// The value of the header field, base64.
    func value(_ digests: SpoolSlice.Digests) -> String? {
        switch self {
        case .none: nil
        case .sha256: Data(digests.sha256).base64EncodedString()
        case .crc32: Data(digests.crc32).base64EncodedString()
        }
    }
}
