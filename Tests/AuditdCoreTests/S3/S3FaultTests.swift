import AuditClient
import Foundation
import NIOPosix
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

/// What stores and networks do: whatever it is, the object is in the bucket at the end, complete.
@Suite(
    .timeLimit(.minutes(10)),
    .serialized,  // each starts a server of its own, which takes memory
    .enabled(if: StrictS3.python != nil, "moto's server is not installed")
)
struct S3FaultTests {
    private let id = recordingID(1)

    struct Fault: Sendable, CustomTestStringConvertible {
        var operation: String
        var kind: String
        /// What must be said of it.
        var code: MessageCode?
        var reason: S3Failure.Reason?

        var testDescription: String { "\(operation) \(kind)" }
    }

    static let failing: [(String, S3Failure.Reason)] = [
        ("500", .server), ("503", .throttled), ("403", .denied), ("cut", .network),
        ("lose-reply", .network), ("garbage", .reply), ("html", .reply), ("bomb", .reply),
        ("deep", .reply), ("types", .reply),
    ]

    static let faults: [Fault] =
        failing.filter { $0.0 != "garbage" }.map {
            Fault(operation: "put", kind: $0.0, code: .auditS3SingleUploadFailed, reason: $0.1)
        }
        + failing.map {
            Fault(
                operation: "create",
                kind: $0.0,
                code: .auditS3MultipartUploadInitializationFailed,
                reason: $0.1
            )
        }
        + failing.map {
            Fault(
                operation: "part",
                kind: $0.0,
                code: .auditS3MultipartPartUploadFailed,
                reason: $0.1
            )
        }
        + (failing + [("error-200", .server)]).map {
            Fault(
                operation: "complete",
                kind: $0.0,
                code: .auditS3MultipartUploadFinalizationFailed,
                reason: $0.1
            )
        }
        + ["put", "part", "complete"].flatMap { operation in
            ["slow", "twice"].map { Fault(operation: operation, kind: $0) }
        }

    @Test("every fault is said, tried again, and comes to a whole object", arguments: faults)
    func fault(_ fault: Fault) async throws {
        try await withS3 { s3, storage in
            let bytes = noise(fault.operation == "put" ? 200_000 : 11 * mebibyte)
            try await s3.fail(fault.operation, fault.kind, times: 2)
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            #expect(try await s3.object("\(id)")?.body == bytes)
            // A kept connection that breaks before an answer is tried anew by libcurl itself.
            if let code = fault.code, !["cut", "lose-reply"].contains(fault.kind) {
                #expect(storage.codes.contains(code.id))
                #expect(storage.reasons(code).contains(fault.reason?.rawValue ?? ""))
            }
            let refused = try await s3.log().compactMap(\.refused)
            #expect(refused.isEmpty, "every request was signed and encoded as it should be")
        }
    }

    @Test(
        "a reply without end is broken off, and the call made again",
        arguments: ["create", "put"]
    )
    func endless(_ operation: String) async throws {
        try await withS3 { s3, storage in
            let bytes = noise(operation == "put" ? 1000 : 6 * mebibyte)
            try await s3.fail(operation, "huge")
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            #expect(try await s3.object("\(id)")?.body == bytes)
        }
    }

    @Test("a store that says nothing is left after the time that is configured")
    func silence() async throws {
        try await withS3({ $0.timeout = .seconds(1) }) { s3, storage in
            try await s3.fail("put", "silence")
            try await storage.take(id, noise(1000))
            try await storage.waitStored(id)
            #expect(storage.reasons(.auditS3SingleUploadFailed).contains("network"))
        }
    }

    @Test("an upload whose completion was answered to nobody is found complete")
    func duplicateComplete() async throws {
        try await withS3 { s3, storage in
            let bytes = noise(11 * mebibyte)
            try await s3.fail("complete", "lose-reply")
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            #expect(try await s3.object("\(id)")?.body == bytes)
            #expect(try await s3.log("part").count == 3, "no part was sent a second time")
            #expect(try await s3.log("complete").count == 2)
        }
    }

    @Test(
        "an upload that the store forgot, or joined from other parts, is made anew",
        arguments: ["404-upload", "400-parts"]
    )
    func lostUpload(_ fault: String) async throws {
        try await withS3 { s3, storage in
            let bytes = noise(11 * mebibyte)
            try await s3.fail("complete", fault)
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            #expect(try await s3.object("\(id)")?.body == bytes)
        }
    }

    @Test(
        "a store that is away for long is tried again and again, and other recordings wait no longer"
    )
    func away() async throws {
        try await withS3 { s3, storage in
            try await s3.fail("put", "503", times: 60)
            for number in 0..<10 { try await storage.take(recordingID(number), noise(1000)) }
            for number in 0..<10 { try await storage.waitStored(recordingID(number)) }
            let said = storage.codes.count { $0 == "AUDIT_S3_SINGLE_UPLOAD_FAILED" }
            #expect((10...50).contains(said), "not every failure of a row is worth a line")
            #expect(try await s3.log("put").count == 70)
        }
    }

    @Test("who may write but not look believes the store's answers")
    func writeOnly() async throws {
        try await withS3 { s3, storage in
            try await s3.fail("head", "403", times: 1000)
            let bytes = noise(6 * mebibyte)
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            #expect(try await s3.object("\(id)")?.body == bytes)
        }
    }

    @Test("a file that is missing, unreadable or too short is said, and sent once it is whole")
    func files() async throws {
        try await withS3 { s3, storage in
            let bytes = noise(1000)
            func recording(_ number: Int, _ path: String) -> SpooledRecording {
                SpooledRecording(
                    id: recordingID(number),
                    path: path,
                    length: 1000,
                    facts: sampleFacts,
                    isFinished: true,
                    isRecovered: false
                )
            }
            let missing = storage.folder + "/missing"
            try Data(noise(10)).write(to: URL(filePath: storage.folder + "/short"))
            await storage.storage.take([
                recording(1, missing), recording(2, storage.folder + "/short/file"),
                recording(3, storage.folder + "/short"),
            ])
            try await storage.waitCode(.auditS3NoSuchQueueEntry)
            try await storage.waitCode(.auditS3FailedStatQueueEntry, count: 2)
            try Data(bytes).write(to: URL(filePath: missing))
            try Data(bytes).write(to: URL(filePath: storage.folder + "/short"))
            try await storage.waitStored(recordingID(1))
            try await storage.waitStored(recordingID(3))
            #expect(try await s3.object("\(recordingID(3))")?.body == bytes)
            #expect(!storage.isStored(recordingID(2)))
        }
    }

    enum Trouble: CaseIterable { case create, write, close }

    @Test("an upload goes on when its note cannot be written", arguments: Trouble.allCases)
    func notes(_ trouble: Trouble) async throws {
        var limits = S3Storage.Limits.quick
        if trouble == .close {
            limits.closeFile = { file throws(FileError) in
                throw FileError(operation: "close", path: file.path, number: 5)
            }
        }
        try await withS3(limits: limits) { s3, storage in
            let notes = storage.folder + "/s3.d"
            let code: MessageCode
            switch trouble {
            case .create:
                try Folder.rename(notes, to: notes + ".away")
                try Data().write(to: URL(filePath: notes))
                code = .auditS3FailedCreatingMetadataFile
            case .write:
                try Folder.create("\(notes)/\(id).metadata.json")
                try Folder.create("\(notes)/\(id).metadata.json/x")
                code = .auditS3FailedWritingMetadataFile
            case .close: code = .auditS3CannotCloseMetadataFileHandle
            }
            let bytes = noise(6 * mebibyte)
            try await storage.take(id, bytes)
            try await storage.waitStored(id)
            #expect(try await s3.object("\(id)")?.body == bytes)
            #expect(storage.codes.contains(code.id))
            if trouble == .write { #expect(storage.codes.contains("AUDIT_S3_REMOVE_FAILED")) }
        }
    }
}
