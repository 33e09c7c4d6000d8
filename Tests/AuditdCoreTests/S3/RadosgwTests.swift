import AuditClient
import Foundation
import NIOCore
import SharedConfig
import SharedMessages
import Testing

@testable import AuditdCore

private enum Radosgw {
    static let settings = ProcessInfo.processInfo.environment
    static let endpoint = settings["BERTH_S3_ENDPOINT"]
}

/// Another S3 than moto's, where somebody runs one: `make radosgw` does, with Debian's radosgw.
@Suite(
    .timeLimit(.minutes(10)),
    .serialized,  // one small store
    .enabled(if: Radosgw.endpoint != nil, "BERTH_S3_ENDPOINT names no store")
)
struct RadosgwTests {
    private let id = RecordingID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))

    private func config(_ bucket: String) async throws -> AuditS3Config {
        var config = AuditS3Config()
        config.accessKey = Radosgw.settings["BERTH_S3_ACCESS_KEY"] ?? ""
        config.secretKey = Secret(Radosgw.settings["BERTH_S3_SECRET_KEY"] ?? "")
        config.bucket = bucket
        config.endpoint = try #require(Radosgw.endpoint)
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
        return config
    }

    /// What the store has, read piece by piece as auditd does.
    private func object(_ storage: S3Storage, _ length: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < length + 1,
            let piece = try await storage.read(id, at: UInt64(bytes.count), count: 1 << 20),
            piece.readableBytes > 0
        {
            bytes += piece.readableBytesView
        }
        return bytes
    }

    @Test(
        "a recording comes back byte for byte, in one piece and in parts, with every checksum",
        arguments: [1, 100_003, 17 * mebibyte + 5],
        [AuditS3Config.Checksum.none, .sha256, .crc32]
    )
    func bytes(_ length: Int, _ checksum: AuditS3Config.Checksum) async throws {
        var config = try await config("bytes")
        config.checksum = checksum
        config.tags = ["team": "sre"]
        config.metadata.username = true
        try await withFolder { folder in
            try await RunningStorage(config, in: folder).run { storage in
                let bytes = noise(length, seed: UInt64(length))
                try await storage.take(id, bytes)
                try await storage.waitStored(id, within: .seconds(120))
                #expect(try await object(storage.storage, length) == bytes)
                #expect(try await storage.storage.list().contains(id))
            }
        }
    }

    @Test("an upload goes on where it stopped; one that nobody continues is given up")
    func resume() async throws {
        let bytes = noise(17 * mebibyte)
        var config = try await config("resume")
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
                #expect(try await object(storage.storage, bytes.count) == bytes)
                try await eventually("nothing is left") {
                    try await client.uploads(prefix: "").isEmpty
                }
            }
        }
    }
}
