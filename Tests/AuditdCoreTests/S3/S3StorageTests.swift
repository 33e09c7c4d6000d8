import AuditClient
import Foundation
import NIOCore
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

@Suite(
    .timeLimit(.minutes(5)),
    .serialized,  // each starts a server of its own, which takes memory
    .enabled(if: StrictS3.python != nil, "moto's server is not installed")
)
struct S3StorageTests {
    private let id = recordingID(1)

    @Test("a short recording becomes one object with its metadata, byte for byte")
    func single() async throws {
        try await withS3 { s3, storage in
            let bytes = noise(100_003)
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            let object = try #require(try await s3.object("\(id)"))
            #expect(object.body == bytes)
            #expect(object.headers["Content-Type"] == "application/octet-stream")
            #expect(object.headers["x-amz-meta-timestamp"] == "1700000000")
            #expect(object.headers["x-amz-meta-authenticated"] == "false")
            #expect(object.headers["x-amz-meta-country"] == "CH")
            #expect(object.headers["x-amz-meta-ip"] == nil)
            #expect(object.headers["x-amz-meta-username"] == nil)
            #expect(storage.codes == ["AUDIT_S3_SINGLE_UPLOAD", "AUDIT_S3_SINGLE_UPLOAD_COMPLETE"])
            #expect(try await s3.log("put").first?.fields?["content-length"] == "100003")
        }
    }

    @Test("a long recording is sent in parts while it is made, and joined when it has ended")
    func multipart() async throws {
        try await withS3 { s3, storage in
            let bytes = noise(17 * mebibyte + 5)
            try await storage.take(id, Array(bytes[..<(6 * mebibyte)]), isFinished: false)
            try await storage.waitCode(.auditS3MultipartPartUploadComplete)
            #expect(try await s3.object("\(id)") == nil)
            try await storage.take(id, Array(bytes[..<(16 * mebibyte)]), isFinished: false)
            try await storage.waitCode(.auditS3MultipartPartUploadComplete, count: 3)
            #expect(!storage.isStored(id))
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            #expect(try await s3.object("\(id)")?.body == bytes)
            let parts = try await s3.log("part")
            #expect(parts.compactMap { $0.query["partNumber"] }.sorted() == ["1", "2", "3", "4"])
            #expect(try await s3.log().allSatisfy { $0.refused == nil })
            #expect(try NoteFolder(path: storage.folder + "/s3.d").ids().isEmpty)
            let codes = Set(storage.codes)
            #expect(
                codes.isSuperset(of: [
                    "AUDIT_S3_MULTIPART_UPLOAD", "AUDIT_S3_MULTIPART_PART_UPLOADING",
                    "AUDIT_S3_MULTIPART_UPLOAD_FINALIZING", "AUDIT_S3_MULTIPART_UPLOAD_FINALIZED",
                ])
            )
        }
    }

    @Test("every option reaches the store, and what a person chose cannot break a header")
    func options() async throws {
        try await withS3({ config in
            config.prefix = "berth/a=1/"
            config.acl = "bucket-owner-full-control"
            config.storageClass = "STANDARD_IA"
            config.serverSideEncryption = .kms
            config.kmsKeyId = "key-1"
            config.bucketKey = true
            config.checksum = .sha256
            config.tags = ["team": "sre + co", "é": "/"]
            config.metadata.ip = true
            config.metadata.username = true
        }) { s3, storage in
            var facts = sampleFacts
            facts.username = "dév\r\nx-amz-acl: public-read"
            let long = noise(6 * mebibyte)
            try await storage.take(id, noise(10), facts: facts)
            try await storage.take(recordingID(2), long, facts: facts)
            try await storage.waitStored(id)
            try await storage.waitStored(recordingID(2))
            for operation in ["put", "create"] {
                let fields = try #require(try await s3.log(operation).first?.fields)
                #expect(fields["x-amz-acl"] == "bucket-owner-full-control")
                #expect(fields["x-amz-storage-class"] == "STANDARD_IA")
                #expect(fields["x-amz-server-side-encryption"] == "aws:kms")
                #expect(fields["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1")
                #expect(fields["x-amz-server-side-encryption-bucket-key-enabled"] == "true")
                #expect(fields["x-amz-tagging"] == "%C3%A9=%2F&team=sre%20%2B%20co")
                #expect(fields["x-amz-meta-ip"] == "192.0.2.7")
                #expect(fields["x-amz-meta-authenticated"] == "true")
                let name = try #require(fields["x-amz-meta-username"])
                #expect(name.hasPrefix("=?UTF-8?B?") && name.hasSuffix("?="))
                let text = Data(base64Encoded: String(name.dropFirst(10).dropLast(2)))
                #expect(text == Data(facts.username.utf8))
            }
            #expect(try await s3.object("berth/a=1/\(recordingID(2))")?.body == long)
            #expect(
                try await s3.log("part").allSatisfy { $0.fields?["x-amz-checksum-sha256"] != nil }
            )
            #expect(try await s3.log().allSatisfy { $0.refused == nil })
        }
    }

    @Test("CRC-32 checksums and virtual hosts work")
    func virtualHost() async throws {
        try await withS3({ config in
            config.checksum = .crc32
            config.pathStyleAccess = false
            config.endpoint = config.endpoint.replacing("127.0.0.1", with: "localhost")
        }) { s3, storage in
            let bytes = noise(11 * mebibyte)
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            #expect(try await s3.object("\(id)")?.body == bytes)
            #expect(
                try await s3.log("part").allSatisfy { $0.fields?["x-amz-checksum-crc32"] != nil }
            )
            #expect(
                try await s3.log().first?.fields?["host"]?.hasPrefix("recordings.localhost:")
                    == true
            )
        }
    }

    @Test("a user name that S3 cannot take is left out, and the recording is kept")
    func longName() async throws {
        try await withS3({ $0.metadata.username = true }) { s3, storage in
            var facts = sampleFacts
            facts.username = String(repeating: "n", count: 4000)
            try await storage.take(id, noise(10), facts: facts)
            try await storage.waitStored(id)
            #expect(storage.codes.contains("AUDIT_S3_FAILED_METADATA_JSON_ENCODING"))
            let object = try #require(try await s3.object("\(id)"))
            #expect(object.headers["x-amz-meta-username"] == nil)
            #expect(object.headers["x-amz-meta-authenticated"] == "true")
        }
    }

    @Test("an empty recording is let go of without an object")
    func empty() async throws {
        try await withS3 { s3, storage in
            try await storage.take(id, [])
            try await storage.waitStored(id)
            #expect(try await s3.log("put").isEmpty)
        }
    }

    @Test("recordings take turns: a short one does not wait for a long one")
    func fairness() async throws {
        try await withS3({ $0.parallelUploads = 1 }) { s3, storage in
            try await s3.control(["hold": true])
            try await storage.take(recordingID(100), noise(40 * mebibyte))
            for number in 0..<5 { try await storage.take(recordingID(number), noise(1000)) }
            try await s3.control(["hold": false])
            for number in 0..<5 { try await storage.waitStored(recordingID(number)) }
            try await storage.waitStored(recordingID(100))
            let order = try await s3.log().map(\.operation)
            let lastShort = try #require(order.lastIndex(of: "put"))
            #expect(order[..<lastShort].count { $0 == "part" } <= 2)
        }
    }

    @Test("stored recordings are listed, examined and read from the bucket")
    func reading() async throws {
        try await withS3({ $0.prefix = "p/" }) { s3, storage in
            let bytes = noise(300_000)
            for number in 1...3 { try await storage.take(recordingID(number), bytes) }
            for number in 1...3 { try await storage.waitStored(recordingID(number)) }
            let list = try await storage.storage.list()
            #expect(Set(list) == Set((1...3).map { recordingID($0) }))
            let status = try #require(try await storage.storage.status(id))
            #expect(status.size == 300_000)
            let age = RecordingShipper.wallClock() - status.modifiedAt
            #expect((-2_000_000_000...120_000_000_000).contains(age))
            let middle = try await storage.storage.read(id, at: 299_000, count: 5000)
            #expect(middle.map { Array($0.readableBytesView) } == Array(bytes[299_000...]))
            #expect(try await storage.storage.read(id, at: 300_000, count: 10)?.readableBytes == 0)
            #expect(try await storage.storage.read(recordingID(9), at: 0, count: 10) == nil)
            #expect(try await storage.storage.status(recordingID(9)) == nil)
        }
    }
}

/// A running storage over a server of its own.
func withS3<Result>(
    _ change: (inout AuditS3Config) -> Void = { _ in },
    limits: S3Storage.Limits = .quick,
    environment: [String: String] = [:],
    _ body: (StrictS3, RunningStorage) async throws -> Result
) async throws -> Result {
    try await withFolder { folder in
        try await StrictS3.run { s3 in
            var config = s3.config
            change(&config)
            let storage = try RunningStorage(
                config,
                in: folder,
                limits: limits,
                environment: environment
            )
            return try await storage.run { try await body(s3, $0) }
        }
    }
}
