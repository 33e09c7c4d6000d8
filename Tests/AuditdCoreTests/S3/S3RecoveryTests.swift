import AuditClient
import Foundation
import NIOPosix
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

/// What a second run does with what the first one left in spool and bucket.
@Suite(
    .timeLimit(.minutes(5)),
    .serialized,  // each starts a server of its own, which takes memory
    .enabled(if: StrictS3.python != nil, "moto's server is not installed")
)
struct S3RecoveryTests {
    private let id = recordingID(1)
    private let bytes = noise(17 * mebibyte)

    /// Sends two parts of a recording, and stops.
    private func interrupt(_ s3: StrictS3, _ config: AuditS3Config, in folder: String) async throws
    {
        try await RunningStorage(config, in: folder).run { storage in
            try await storage.take(id, Array(bytes[..<(11 * mebibyte)]), isFinished: false)
            try await storage.waitCode(.auditS3MultipartPartUploadComplete, count: 2)
        }
    }

    private func withLeftovers(
        _ change: (inout AuditS3Config) -> Void = { _ in },
        between: (StrictS3, String) async throws -> Void = { _, _ in },
        _ body: (StrictS3, RunningStorage) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                var config = s3.config
                change(&config)
                try await interrupt(s3, config, in: folder)
                try await between(s3, folder)
                // As in auditd: what was recovered is known before anything begins.
                let storage = try RunningStorage(config, in: folder)
                try await storage.take(id, bytes, isRecovered: true)
                try await storage.run { storage in
                    try await storage.waitStored(id)
                    #expect(try await s3.object("\(id)")?.body == bytes)
                    #expect(storage.codes.contains("AUDIT_S3_RECOVERING"))
                    try await body(s3, storage)
                    #expect(try await s3.log().allSatisfy { $0.refused == nil })
                }
            }
        }
    }

    @Test("an upload goes on where it stopped: no part is sent twice")
    func resume() async throws {
        try await withLeftovers { s3, _ in
            let numbers = try await s3.log("part").compactMap { $0.query["partNumber"] }
            #expect(numbers.sorted() == ["1", "2", "3", "4"])
            let creates = try await s3.count("create")
            #expect(creates == 1)
        }
    }

    @Test("with checksums, too", arguments: [AuditS3Config.Checksum.sha256, .crc32])
    func resumeWithChecksums(_ checksum: AuditS3Config.Checksum) async throws {
        try await withLeftovers({ $0.checksum = checksum }) { s3, _ in
            let parts = try await s3.count("part")
            #expect(parts == 4)
        }
    }

    @Test(
        "the bucket's own list is enough when the note is lost or damaged",
        arguments: [true, false]
    )
    func withoutNote(_ isDamaged: Bool) async throws {
        try await withLeftovers(between: { _, folder in
            let note = "\(folder)/s3.d/\(id).metadata.json"
            if isDamaged {
                try Data("{\"startTime\": \"yesterday\"".utf8).write(to: URL(filePath: note))
            } else {
                try Folder.remove(note)
            }
        }) { s3, storage in
            let parts = try await s3.count("part")
            #expect(parts == 4)
            let isSaid = storage.codes.contains("AUDIT_S3_FAILED_READING_METADATA_FILE")
            #expect(isSaid == isDamaged)
        }
    }

    @Test("a part that is not what the spool has is sent again")
    func wrongPart() async throws {
        try await withLeftovers(between: { s3, folder in
            let upload = try #require(try await s3.log("part").first?.query["uploadId"])
            let other = folder + "/other"
            try Data(noise(5 * mebibyte, seed: 99)).write(to: URL(filePath: other))
            let part = PartPlan.Part(number: 2, offset: 0, length: UInt64(5 * mebibyte))
            let slice = SpoolSlice(path: other, offset: 0, length: part.length)
            let client = try makeClient(s3.config)
            _ = try await client.upload(part, slice, "\(id)", upload)
            client.shutdown()
        }) { s3, _ in
            let numbers = try await s3.log("part").compactMap { $0.query["partNumber"] }
            #expect(numbers.sorted() == ["1", "2", "2", "2", "3", "4"])
        }
    }

    @Test("of several uploads the noted one goes on, and the others are given up")
    func severalUploads() async throws {
        try await withLeftovers(between: { s3, _ in
            let client = try makeClient(s3.config)
            _ = try await client.create("\(id)", [])
            client.shutdown()
        }) { s3, storage in
            let parts = try await s3.count("part")
            #expect(parts == 4)
            let aborts = try await s3.count("abort")
            #expect(aborts == 1)
            #expect(storage.codes.contains("AUDIT_S3_MULTIPART_ABORTING"))
        }
    }

    @Test("an upload that cannot be given up is said and harms nothing")
    func failedAbort() async throws {
        try await withLeftovers(between: { s3, _ in
            let client = try makeClient(s3.config)
            _ = try await client.create("\(id)", [])
            client.shutdown()
            try await s3.fail("abort", "403")
        }) { _, storage in
            #expect(storage.codes.contains("AUDIT_S3_MULTIPART_FAILED_ABORT"))
        }
    }

    @Test(
        "a bucket that cannot be listed is said, and asked again or done without",
        arguments: ["500", "403", "garbage", "types", "bomb"]
    )
    func failedList(_ fault: String) async throws {
        try await withLeftovers(between: { s3, _ in
            try await s3.fail("uploads", fault, times: 3)
        }) { s3, storage in
            if fault != "types" {
                #expect(storage.codes.contains("AUDIT_S3_MULTIPART_FAILED_LIST"))
                let parts = try await s3.count("part")
                #expect(parts == 4)
            }
        }
    }

    @Test(
        "parts that cannot be listed are given up and sent anew",
        arguments: ["403", "404-upload"]
    )
    func failedParts(_ fault: String) async throws {
        try await withLeftovers(between: { s3, _ in
            try await s3.fail("parts", fault)
        }) { s3, _ in
            let creates = try await s3.count("create")
            #expect(creates == 2)
        }
    }

    @Test("an object that an earlier run completed is not sent again", arguments: [1000, 11 << 20])
    func complete(_ length: Int) async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                let bytes = noise(length)
                for round in 1...2 {
                    try await RunningStorage(s3.config, in: folder).run { storage in
                        try await storage.take(id, bytes, isRecovered: round == 2)
                        try await storage.waitStored(id)
                    }
                }
                let begun = try await s3.log().count { ["put", "create"].contains($0.operation) }
                #expect(begun == 1)
                // Of the same length and with other content, it is.
                let other = noise(length, seed: 7)
                try await RunningStorage(s3.config, in: folder).run { storage in
                    try await storage.take(id, other, isRecovered: true)
                    try await storage.waitStored(id)
                }
                #expect(try await s3.object("\(id)")?.body == other)
            }
        }
    }

    @Test("uploads that nobody continues are given up: noted ones and old ones under our prefix")
    func stale() async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                var config = s3.config
                config.prefix = "berth/"
                config.staleAfter = .milliseconds(1)
                let client = try makeClient(config)
                _ = try await client.create("berth/\(recordingID(2))", [])
                let active = try await client.create("berth/\(id)", [])
                let foreign = try await client.create("berth/backup", [])
                let other = try await client.create("\(recordingID(3))", [])
                let noted = try await client.create("berth/\(recordingID(4))", [])
                let notes = NoteFolder(path: folder + "/s3.d")
                try Folder.create(notes.path)
                let note = UploadNote(sampleFacts, upload: noted, options: client.options)
                try notes.write(note, for: recordingID(4))
                let storage = try RunningStorage(config, in: folder)
                // It runs, and is too short for anything to be sent.
                try await storage.take(id, noise(10), isFinished: false, isRecovered: true)
                try await storage.run { storage in
                    try await storage.waitCode(.auditS3MultipartAborting, count: 2)
                    try await eventually("the store knows") {
                        let left = Set(try await client.uploads(prefix: "").map(\.id))
                        return left == [active, foreign, other]
                    }
                    try await eventually("the note is gone") { try notes.ids().isEmpty }
                }
                client.shutdown()
            }
        }
    }

    @Test("an old upload with a fresh part belongs to a session that still runs somewhere")
    func freshPart() async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                var config = s3.config
                config.staleAfter = .seconds(3600)
                try await interrupt(s3, config, in: folder)
                try Folder.remove("\(folder)/s3.d/\(id).metadata.json")
                try await RunningStorage(config, in: folder).run { _ in
                    try await eventually("looked") { try await s3.log("parts").count == 1 }
                }
                #expect(try await s3.log("abort").isEmpty)
            }
        }
    }

    @Test("what ContainerSSH left is uploaded with its metadata and removed")
    func foreign() async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                let left = folder + "/left"
                try Folder.create(left)
                func write(_ name: String, _ data: [UInt8]) throws {
                    try Data(data).write(to: URL(filePath: "\(left)/\(name)"))
                }
                let bytes = noise(6 * mebibyte)
                try write("\(id)", bytes)
                let note = """
                    {"startTime":1700000001,"remoteAddr":"192.0.2.9","authenticated":true,\
                    "username":"foo","country":"XX"}
                    """
                try write("\(id).metadata.json", Array(note.utf8))
                try write("\(recordingID(2))", noise(100))
                try write("\(recordingID(3))", noise(100))
                try write("\(recordingID(3)).metadata.json", Array("{".utf8))
                try write("\(recordingID(4))", [])
                try write("notes.txt", [1])
                var config = s3.config
                config.local = left
                config.metadata.username = true
                try await RunningStorage(config, in: folder).run { storage in
                    try await eventually("all is taken") {
                        let names = try Folder.names(in: left)
                        return Set(names) == ["\(recordingID(4))", "notes.txt"]
                    }
                    let said = storage.codes.count { $0 == "AUDIT_S3_FAILED_READING_METADATA_FILE" }
                    #expect(said == 2)
                    #expect(!storage.isStored(id), "nobody waits for it")
                }
                let object = try #require(try await s3.object("\(id)"))
                #expect(object.body == bytes)
                #expect(object.headers["x-amz-meta-timestamp"] == "1700000001")
                #expect(object.headers["x-amz-meta-username"] == "foo")
                #expect(try await s3.object("\(recordingID(3))") != nil)
            }
        }
    }

    @Test("auditd's own folder is never taken for one of ContainerSSH's")
    func ownFolder() async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                try Data(noise(10)).write(to: URL(filePath: "\(folder)/\(id)"))
                var config = s3.config
                config.local = folder + "/."
                try await RunningStorage(config, in: folder).run { storage in
                    try await storage.take(recordingID(2), noise(10))
                    try await storage.waitStored(recordingID(2))
                }
                let puts = try await s3.count("put")
                #expect(puts == 1)
                #expect(Folder.exists("\(folder)/\(id)"))
            }
        }
    }
}

/// A client for the test's own calls.
func makeClient(_ config: AuditS3Config) throws -> S3Client {
    let source = try CredentialSource(config, environment: [:])
    return try S3Client(
        try S3Options(config),
        credentials: CredentialStore(source, logger: silent),
        threads: .singleton,
        logger: silent
    )
}
