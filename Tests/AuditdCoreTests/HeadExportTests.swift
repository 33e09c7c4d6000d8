import AuditClient
import AuditEvidence
import Foundation
import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

/// The ledger's head in the storages, and what it is good for.
@Suite(.timeLimit(.minutes(5))) struct HeadExportTests {
    /// Takes `count` recordings and waits until `archive` has the head behind them.
    private func record(
        _ count: Int,
        in folder: String,
        _ archive: String,
        from first: Int = 0,
        logger: Logger = silent
    ) async throws {
        let storage = FileStorage(folder: archive, threads: .singleton, logger: silent)
        try await withAuditd(in: folder, storages: [storage], logger: logger) { auditd in
            for number in first..<(first + count) {
                let id = recordingID(number)
                _ = try await auditd.send([.open(id), .append(id, at: 0, "abc"), .finish(id, 3)])
            }
            try await eventually("the head is exported", within: .seconds(150)) {
                try claimed(archive)?.sequence == UInt64(first + count)
            }
        }
    }

    private func heads(_ archive: String) throws -> [String] {
        try Folder.names(in: archive).filter { $0.hasSuffix(".head") }
    }

    private func claimed(_ archive: String) throws -> LedgerHead? {
        guard let name = try heads(archive).first else { return nil }
        let bytes = try Data(contentsOf: URL(filePath: "\(archive)/\(name)"))
        return LedgerCheck.claimedHead(Array(bytes.dropLast()))
    }

    /// The recordings in one folder and the ledger in another, as one folder.
    private func findings(
        _ folder: String,
        _ archive: String,
        _ key: [UInt8]
    ) async throws -> Set<String> {
        let head = try heads(archive).first.map { "\(archive)/\($0)" }
        let source = EvidenceFolder(folder, head: head, recordings: archive)
        var verifier = EvidenceVerifier(source, key: key)
        try await verifier.run()
        return Set(verifier.findings.map(\.code.id))
    }

    private func firstKey(_ folder: String) throws -> [UInt8] {
        let log = try Data(contentsOf: URL(filePath: folder + "/ledger.d/ledger.log"))
        let line = try #require(log.split(separator: 0x0A).first)
        return try #require(LedgerEntry.key(inFirst: Array(line)))
    }

    @Test("a disk that was set back is found with the public key and the storage's head")
    func rollBack() async throws {
        try await withFolder { root in
            let (folder, archive, old) = (root + "/spool", root + "/files", root + "/old")
            try Folder.create(archive)
            try await record(3, in: folder, archive)
            let key = try firstKey(folder)
            #expect(try await findings(folder, archive, key) == [])
            try FileManager.default.copyItem(atPath: folder, toPath: old)
            try await record(2, in: folder, archive, from: 3)
            let right = try await findings(folder, archive, key)
            #expect(right == [])
            // The evidence of last week, and the recordings with it.
            try FileManager.default.removeItem(atPath: folder)
            try FileManager.default.copyItem(atPath: old, toPath: folder)
            for number in 3..<5 { try Folder.remove("\(archive)/\(recordingID(number))") }
            #expect(try await findings(folder, archive, key) == ["EVIDENCE_LEDGER_SHORT"])
            // auditd goes on, and keeps what accuses it.
            let handler = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in handler }
            let before = try claimed(archive)
            let storage = FileStorage(folder: archive, threads: .singleton, logger: silent)
            try await withAuditd(in: folder, storages: [storage], logger: logger) { auditd in
                let id = recordingID(77)
                _ = try await auditd.send([.open(id), .append(id, at: 0, "abc"), .finish(id, 3)])
                try await eventually("it is said", within: .seconds(150)) {
                    handler.entries.contains {
                        $0.metadata["code"] == "AUDITD_LEDGER_ROLLED_BACK"
                    }
                }
                try await eventually("stored", within: .seconds(150)) {
                    Folder.exists("\(archive)/\(id)")
                }
            }
            #expect(try claimed(archive) == before)
            #expect(try await !findings(folder, archive, key).isEmpty)
        }
    }

    @Test("a ledger that was removed, with or without its key, is found too")
    func removed() async throws {
        try await withFolder { root in
            let (folder, archive) = (root + "/spool", root + "/files")
            try Folder.create(archive)
            try await record(3, in: folder, archive)
            let key = try firstKey(folder)
            let before = try claimed(archive)
            let log = folder + "/ledger.d/ledger.log"
            try Folder.remove(log)
            #expect(try await findings(folder, archive, key) == ["EVIDENCE_LEDGER_MISSING"])
            // Begun anew with the same key.
            let handler = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in handler }
            let storage = FileStorage(folder: archive, threads: .singleton, logger: silent)
            try await withAuditd(in: folder, storages: [storage], logger: logger) { _ in
                try await eventually("it is said", within: .seconds(150)) {
                    handler.entries.contains {
                        $0.metadata["code"] == "AUDITD_LEDGER_ROLLED_BACK"
                    }
                }
            }
            #expect(try claimed(archive) == before)
            #expect(try await !findings(folder, archive, key).isEmpty)
            // And with another one: what is there is not touched.
            try Folder.remove(log)
            try Folder.remove(folder + "/ledger.d/ledger.key")
            try await withAuditd(in: folder, storages: [storage]) { _ in
                try await eventually("a second head", within: .seconds(150)) {
                    try heads(archive).count == 2
                }
            }
            #expect(try await !findings(folder, archive, key).isEmpty)
        }
    }

    @Test("a storage that fails is said once, and gets the head once it works")
    func failing() async throws {
        try await withFolder { root in
            let (folder, archive) = (root + "/spool", root + "/files")
            let handler = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in handler }
            let storage = FileStorage(folder: archive, threads: .singleton, logger: silent)
            try await withAuditd(in: folder, storages: [storage], logger: logger) { _ in
                try await eventually("it is said", within: .seconds(150)) {
                    handler.entries.contains {
                        $0.metadata["code"] == "AUDITD_LEDGER_EXPORT_FAILED"
                    }
                }
                try Folder.create(archive)
                try await eventually("exported", within: .seconds(150)) {
                    try heads(archive).count == 1
                }
            }
        }
    }
}

@Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: StrictS3.python != nil, "moto's server is not installed")
)
struct S3HeadExportTests {
    @Test("the head is an object of the bucket, signed for and checked like all others")
    func exported() async throws {
        try await withFolder { folder in
            try await StrictS3.run { s3 in
                var config = s3.config
                config.prefix = "a/"
                config.checksum = .sha256
                let storage = try S3Storage(
                    config,
                    folder: folder,
                    environment: [:],
                    logger: silent
                )
                try await withAuditd(in: folder, storages: [storage]) { auditd in
                    let id = recordingID(1)
                    _ = try await auditd.send(
                        [.open(id), .append(id, at: 0, "abc"), .finish(id, 3)]
                    )
                    let head = folder + "/ledger.d/ledger.head"
                    try await eventually("the same as on disk", within: .seconds(150)) {
                        let put = try await s3.log("put").last { $0.key.hasSuffix(".head") }
                        guard let put, let object = try await s3.object(put.key) else {
                            return false
                        }
                        let bytes = try Data(contentsOf: URL(filePath: head))
                        let ledger = try await auditd.get(RecordingRoutes.ledger).body
                        return object.body == [UInt8](bytes)
                            && ledger.split(separator: 0x0A).count == 2
                    }
                    let listed = try await storage.list()
                    #expect(listed.allSatisfy { $0 == id }, "it is no recording")
                }
                #expect(try await s3.log().allSatisfy { $0.refused == nil })
            }
        }
    }
}
