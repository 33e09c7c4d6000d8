import AuditClient
import Foundation
import NIOCore
import SharedConfig
import SharedMessages
import Testing

@testable import AuditdCore

/// The store that BERTH_S3_ENDPOINT names, as `make radosgw` does with Debian's; else moto's.
private enum GivenStore {
    private static let settings = ProcessInfo.processInfo.environment
    private static let endpoint = settings["BERTH_S3_ENDPOINT"]
    static let isThere = endpoint != nil || StrictS3.python != nil

    /// Runs `body` with the settings of a bucket.
    static func run(_ body: (AuditS3Config) async throws -> Void) async throws {
        guard let endpoint else {
            return try await StrictS3.run { s3 in
                var config = s3.config
                config.timeout = .seconds(30)
                try await body(config)
            }
        }
        var config = AuditS3Config()
        config.accessKey = settings["BERTH_S3_ACCESS_KEY"] ?? ""
        config.secretKey = Secret(settings["BERTH_S3_SECRET_KEY"] ?? "")
        config.bucket = "berth-\(UInt64.random(in: 0 ... .max))"
        config.endpoint = endpoint
        config.pathStyleAccess = true
        config.local = "/nonexistent"
        config.timeout = .seconds(30)
        let client = try makeClient(config)
        defer { client.shutdown() }
        // An object without a name is the bucket, whose answer has no ETag.
        let failure = await #expect(throws: S3Failure.self) {
            try await client.put("", ByteBuffer())
        }
        try #require(
            failure?.reason == .reply,
            "the bucket is made: \(String(describing: failure))"
        )
        try await body(config)
    }
}

/// What every S3 has to do, whoever made it.
@Suite(
    .timeLimit(.minutes(10)),
    .serialized,  // one small store
    .enabled(
        if: GivenStore.isThere,
        "moto's server is missing, and BERTH_S3_ENDPOINT names no store"
    )
)
struct GivenStoreTests {
    private let id = RecordingID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))

    /// What the store has, read piece by piece as auditd does.
    private func object(
        _ id: RecordingID,
        _ storage: S3Storage,
        _ length: Int
    ) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < length + 1,
            let piece = try await storage.read(id, at: UInt64(bytes.count), count: 1 << 20),
            piece.readableBytes > 0
        {
            bytes += piece.readableBytesView
        }
        return bytes
    }

    @Test("a recording comes back byte for byte, in one piece and in parts, with every checksum")
    func bytes() async throws {
        try await GivenStore.run { config in
            for length in [1, 100_003, 17 * mebibyte + 5] {
                for checksum in [AuditS3Config.Checksum.none, .sha256, .crc32] {
                    try await bytes(length, checksum, config)
                }
            }
        }
    }

    private func bytes(
        _ length: Int,
        _ checksum: AuditS3Config.Checksum,
        _ given: AuditS3Config
    ) async throws {
        var config = given
        config.checksum = checksum
        config.tags = ["team": "sre"]
        config.metadata.username = true
        let id = RecordingID(high: UInt64(length), low: .random(in: 0 ... .max))
        try await withFolder { folder in
            try await RunningStorage(config, in: folder).run { storage in
                let bytes = noise(length, seed: UInt64(length))
                try await storage.take(id, bytes)
                try await storage.waitStored(id, within: .seconds(120))
                #expect(try await object(id, storage.storage, length) == bytes)
                #expect(try await storage.storage.list().contains(id))
            }
        }
    }

    @Test("an upload goes on where it stopped; one that nobody continues is given up")
    func resume() async throws {
        try await GivenStore.run { try await resume($0) }
    }

    private func resume(_ given: AuditS3Config) async throws {
        let bytes = noise(17 * mebibyte)
        var config = given
        try await withFolder { folder in
            try await RunningStorage(config, in: folder).run { storage in
                try await storage.take(id, Array(bytes[..<(11 * mebibyte)]), isFinished: false)
                try await storage.waitCode(.auditS3MultipartPartUploadComplete, count: 2)
            }
            let client = try makeClient(config)
            defer { client.shutdown() }
            let stale = recordingID(77)
            _ = try await client.create("\(stale)", [])
            let uploads = try await client.uploads(prefix: "")
            #expect(Set(uploads.map(\.key)) == ["\(id)", "\(stale)"])
            #expect(uploads.allSatisfy { $0.begun != nil })
            config.staleAfter = .milliseconds(1)
            let storage = try RunningStorage(config, in: folder)
            try await storage.take(id, bytes, isRecovered: true)
            try await storage.run { storage in
                try await storage.waitStored(id, within: .seconds(120))
                #expect(storage.codes.contains("AUDIT_S3_RECOVERING"))
                let sent = storage.codes.count { $0 == "AUDIT_S3_MULTIPART_PART_UPLOAD_COMPLETE" }
                #expect(sent == 2, "no part is sent twice")
                #expect(try await object(id, storage.storage, bytes.count) == bytes)
                try await eventually("nothing is left") {
                    try await client.uploads(prefix: "").isEmpty
                }
            }
        }
    }
}
