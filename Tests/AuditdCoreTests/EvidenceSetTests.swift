import AuditClient
import AuditEvidence
import Foundation
import NIOCore
import NIOPosix
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

/// Several auditds with a ledger each, whose recordings lie together.
@Suite(.timeLimit(.minutes(5))) struct EvidenceSetTests {
    private func corpus(_ folder: String) throws -> (copies: EvidenceCopies, keys: [[UInt8]]) {
        let recordings = (0..<7).map { (recordingID($0), noise(100 * $0, seed: UInt64($0) + 1)) }
        return try EvidenceCopies.makeTwo(recordings, in: folder)
    }

    private func told(_ findings: [EvidenceFinding]) -> [String] {
        findings.map { "\($0.code.id) \($0.subject)" }.sorted()
    }

    private func name(_ key: [UInt8]) -> String { "ledger-\(KeptHead.digits(key))" }

    @Test("two ledgers prove the recordings of one place, each its own; the keys come in any order")
    func intact() async throws {
        try await withFolder { folder in
            let (copies, keys) = try corpus(folder)
            #expect(try await copies.verifyTwo(keys) == [])
            #expect(try await copies.verifyTwo(keys.reversed()) == [])
        }
    }

    @Test("a ledger that is gone is found by its key, and by its head in the storage")
    func ledgerGone() async throws {
        try await withFolder { folder in
            let (copies, keys) = try corpus(folder)
            // Those of the second one are in no ledger any more.
            let own = [1, 3, 5].map { "EVIDENCE_RECORDING_UNKNOWN \(recordingID($0))" }
            let missing = ["EVIDENCE_LEDGER_MISSING \(name(keys[1]))"]
            #expect(told(try await copies.verifyTwo(keys, members: ["a"])) == missing + own)
            // Without its key the head alone tells.
            let alone = Array(keys.prefix(1))
            #expect(told(try await copies.verifyTwo(alone, members: ["a"])) == missing + own)
            // Its recordings and head too: then the key alone does.
            var wiped = copies
            for number in [1, 3, 5] { wiped.files["files/\(recordingID(number))"] = nil }
            wiped.files["files/\(name(keys[1])).head"] = nil
            #expect(told(try await wiped.verifyTwo(keys, members: ["a"])) == missing)
        }
    }

    @Test("an end that was cut off, with recordings and head, is found by the head in the storage")
    func tailGone() async throws {
        try await withFolder { folder in
            let (copies, keys) = try corpus(folder)
            let path = "b/ledger.d/ledger.log"
            let lines = try #require(copies.files[path]).split(separator: 0x0A)
            // What the disk was before the last recording came.
            var cut = copies
            cut.files[path] = lines.dropLast().flatMap { Array($0) + [0x0A] }
            cut.files["files/\(recordingID(5))"] = nil
            cut.files["b/ledger.d/\(recordingID(5)).links"] = nil
            cut.files["b/ledger.d/ledger.head"] = try head(
                after: Array(lines.dropLast()),
                folder + "/b"
            )
            #expect(
                told(try await cut.verifyTwo(keys)) == ["EVIDENCE_LEDGER_SHORT \(name(keys[1]))"]
            )
        }
    }

    /// The head as auditd wrote it when these were all entries: signed by its key.
    private func head(after lines: [ArraySlice<UInt8>], _ folder: String) throws
        -> [UInt8]
    {
        let last = try #require(lines.last)
        let files = Ledger.Files(folder: folder + "/ledger.d", key: folder + "/private.key")
        try Data(lines.flatMap { Array($0) + [0x0A] }).write(to: URL(filePath: files.log))
        let ledger = try Ledger(files, spooled: [], now: 9)
        #expect(ledger.head.hash == SignedLine.hash(Array(last)))
        return Array(ledger.signedHead.readableBytesView)
    }

    @Test("recordings of nobody, of two, ledgers of strangers and twice the same are told")
    func claims() async throws {
        try await withFolder { folder in
            var (copies, keys) = try corpus(folder)
            copies.files["files/\(recordingID(77))"] = [1]
            #expect(
                told(try await copies.verifyTwo(keys)) == [
                    "EVIDENCE_RECORDING_UNKNOWN \(recordingID(77))"
                ]
            )
            copies.files["files/\(recordingID(77))"] = nil
            #expect(
                told(try await copies.verifyTwo(keys, members: ["a", "b", "a"])) == [
                    "EVIDENCE_LEDGER_UNKNOWN a"
                ]
            )
            var wrong = keys[1]
            wrong[0] ^= 1
            let more = try await copies.verifyTwo([keys[0], wrong, keys[1]])
            #expect(told(more) == ["EVIDENCE_LEDGER_MISSING \(name(wrong))"])
            let stranger = told(try await copies.verifyTwo(Array(keys.prefix(1))))
            #expect(stranger.contains("EVIDENCE_LEDGER_UNKNOWN b"))
            #expect(stranger.contains("EVIDENCE_LEDGER_MISSING \(name(keys[1]))"))
            // The second one takes what the first one has.
            let files = Ledger.Files(folder: folder + "/b/ledger.d", key: folder + "/b/private.key")
            let ledger = try Ledger(files, spooled: [], now: 9)
            var chain = RecordingChain(recordingID(2))
            chain.update(ByteBuffer(bytes: copies.files["files/\(recordingID(2))"] ?? []))
            try ledger.add([.init(id: recordingID(2), seal: chain.finish())], now: 10)
            for file in ["ledger.log", "ledger.head", "\(recordingID(2)).links"] {
                let path = URL(filePath: "\(files.folder)/\(file)")
                copies.files["b/ledger.d/\(file)"] = Array(try Data(contentsOf: path))
            }
            #expect(
                told(try await copies.verifyTwo(keys)) == [
                    "EVIDENCE_RECORDING_TWICE \(recordingID(2))"
                ]
            )
        }
    }

    // MARK: - Real auditds

    @Test("auditds of one folder verify together, also one that came later; keys may be replaced")
    func service() async throws {
        try await withFolder { root in
            let files = root + "/files"
            try Folder.create(files)
            try await record(1..<4, in: root + "/a", files)
            // It finds recordings that are not its own, and says so in its ledger.
            try await record(
                4..<7,
                in: root + "/b",
                files,
                others: 1..<4,
                kinds: [.adopted, .key]
            ) { $0.ledger.rotateAfter = .nanoseconds(1) }
            try await record(7..<9, in: root + "/a", files)
            let keys = try ["a", "b"].map { try firstKey("\(root)/\($0)") }
            for folders in [[root + "/a", root + "/b"], [root]] {
                #expect(try await told(findings(folders, files, keys)) == [])
            }
            try Folder.remove("\(files)/\(recordingID(5))")
            #expect(
                try await told(findings([root], files, keys)) == [
                    "EVIDENCE_RECORDING_MISSING \(recordingID(5))"
                ]
            )
            // One auditd's disk is gone: what it took after the other one began is proven by nobody.
            try FileManager.default.removeItem(atPath: root + "/a")
            let lost = try await told(findings([root], files, keys))
            #expect(lost.contains("EVIDENCE_LEDGER_MISSING \(name(keys[0]))"))
            #expect(lost.contains("EVIDENCE_RECORDING_UNKNOWN \(recordingID(8))"))
            #expect(!lost.contains("EVIDENCE_RECORDING_UNKNOWN \(recordingID(2))"))
        }
    }

    @Test("a folder of recordings with the auditds' folders in it needs no other word")
    func nested() async throws {
        try await withFolder { root in
            try await record(1..<3, in: root + "/a", root)
            try await record(3..<5, in: root + "/b", root, others: 1..<3)
            let keys = try ["a", "b"].map { try firstKey("\(root)/\($0)") }
            #expect(try await told(findings([root], nil, keys)) == [])
            try FileManager.default.removeItem(atPath: root + "/b/ledger.d")
            #expect(
                try await told(findings([root], nil, keys)) == [
                    "EVIDENCE_LEDGER_MISSING \(name(keys[1]))",
                    "EVIDENCE_RECORDING_UNKNOWN \(recordingID(3))",
                    "EVIDENCE_RECORDING_UNKNOWN \(recordingID(4))",
                ]
            )
        }
    }

    /// Takes these, and waits until the ledger has them and `others`, and entries of `kinds`.
    private func record(
        _ numbers: Range<Int>,
        in folder: String,
        _ files: String,
        others: Range<Int> = 0..<0,
        kinds: Set<LedgerEntry.Kind> = [],
        change: (inout AuditdConfig) -> Void = { _ in }
    ) async throws {
        let storage = FileStorage(folder: files, threads: .singleton, logger: silent)
        try await withAuditd(in: folder, storages: [storage], change: change) { auditd in
            for number in numbers {
                let id = recordingID(number)
                _ = try await auditd.send([.open(id), .append(id, at: 0, "abc"), .finish(id, 3)])
            }
            let needed = Set((Array(numbers) + others).map { "\(recordingID($0))" })
            try await eventually("they are stored, and in the ledger", within: .seconds(150)) {
                let entries = try entries(folder)
                let parts = try Folder.names(in: folder + "/spool.d").filter {
                    $0.hasSuffix(".part")
                }
                return parts.isEmpty && needed.isSubset(of: entries.compactMap(\.recording?.id))
                    && kinds.isSubset(of: entries.map(\.kind))
            }
            let head = "\(files)/\(KeptHead.name(ofLedger: KeptHead.digits(try firstKey(folder))))"
            try await eventually("its head is there", within: .seconds(150)) {
                Folder.exists(head)
            }
        }
    }

    private func findings(
        _ folders: [String],
        _ files: String?,
        _ keys: [[UInt8]]
    ) async throws -> [EvidenceFinding] {
        let members = try EvidenceFolder.members(in: folders, recordings: files)
        let kept = try Set(members.map(\.place)).flatMap { try KeptHead.all(in: $0) }
        var set = EvidenceSet(members, keys: keys, kept: kept)
        try await set.run()
        return set.findings
    }

    private func entries(_ folder: String) throws -> [LedgerEntry] {
        try Data(contentsOf: URL(filePath: folder + "/ledger.d/ledger.log"))
            .split(separator: 0x0A).compactMap { line in
                try? JSONDecoder().decode(LedgerEntry.self, from: Data(line.dropFirst(129)))
            }
    }

    private func firstKey(_ folder: String) throws -> [UInt8] {
        let key = try #require(try entries(folder).first?.key)
        return try #require([UInt8](hex: key))
    }
}
