import AuditClient
import AuditEvidence
import Foundation
import NIOCore
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

@Suite(.timeLimit(.minutes(5))) struct EvidenceTests {
    /// A ledger of five recordings, whose key was replaced after the third, and what it says.
    private func corpus(
        _ folder: String,
        longest: Int = 900
    ) throws -> (copies: EvidenceCopies, key: [UInt8]) {
        var generator = SeededGenerator(state: 11)
        let recordings = [100, longest, 1, 0, 333].enumerated().map { number, size in
            let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
            return (recordingID(number), bytes)
        }
        return try EvidenceCopies.make(recordings, in: folder, rotatingAfter: 3)
    }

    @Test("recordings that are as they were recorded verify, with the first public key")
    func intact() async throws {
        try await withFolder { folder in
            let (copies, key) = try corpus(folder)
            #expect(copies.files.count == 12)
            #expect(try await verify(copies, key) == [])
            var wrong = key
            wrong[0] ^= 1
            #expect(
                try await verify(copies, wrong).map(\.code) == [
                    .evidenceLedgerChanged, .evidenceHeadChanged,
                ]
            )
        }
    }

    @Test("every byte of every file, flipped in each way, is found")
    func flips() async throws {
        try await withFolder { folder in
            let (copies, key) = try corpus(folder)
            var flips = 0
            for (name, bytes) in copies.files {
                for index in bytes.indices {
                    var changed = copies
                    changed.files[name]?[index] ^= 1 << UInt8((index + flips) % 8)
                    flips += 1
                    #expect(try await !verify(changed, key).isEmpty, "\(name) \(index)")
                }
            }
            #expect(flips > 4000)
        }
    }

    @Test("every file deleted, cut, lengthened or swapped with another one is found")
    func files() async throws {
        try await withFolder { folder in
            let (copies, key) = try corpus(folder)
            for (name, bytes) in copies.files {
                var changed = copies
                changed.files[name] = nil
                #expect(try await !verify(changed, key).isEmpty, "deleted \(name)")
                changed.files[name] = bytes + [0]
                #expect(try await !verify(changed, key).isEmpty, "longer \(name)")
                for length in bytes.indices {
                    changed.files[name] = Array(bytes.prefix(length))
                    #expect(try await !verify(changed, key).isEmpty, "\(name) cut to \(length)")
                }
                for (other, otherBytes) in copies.files where other > name && otherBytes != bytes {
                    var swapped = copies
                    swapped.files[name] = otherBytes
                    swapped.files[other] = bytes
                    #expect(try await !verify(swapped, key).isEmpty, "\(name) and \(other)")
                }
            }
        }
    }

    @Test("entries removed, repeated or in another order are found, also at the end")
    func entries() async throws {
        try await withFolder { folder in
            let (copies, key) = try corpus(folder)
            let name = "ledger.d/ledger.log"
            let lines = try #require(copies.files[name]).split(separator: 10).map(Array.init)
            #expect(lines.count == 7)
            func check(_ changed: [[UInt8]], _ what: Comment) async throws {
                var altered = copies
                altered.files[name] = changed.flatMap { $0 + [10] }
                #expect(try await !verify(altered, key).isEmpty, what)
            }
            for first in lines.indices {
                var without = lines
                without.remove(at: first)
                try await check(without, "without \(first)")
                try await check(Array(lines.prefix(first)), "cut at \(first)")
                try await check(lines + [lines[first]], "\(first) again")
                for second in lines.indices where second > first {
                    var swapped = lines
                    swapped.swapAt(first, second)
                    try await check(swapped, "\(first) and \(second)")
                }
            }
        }
    }

    @Test("an older copy of everything is found by what was seen later")
    func rollBack() async throws {
        try await withFolder { folder in
            let (copies, key) = try corpus(folder)
            let ledger = try Ledger(
                .init(folder: folder + "/ledger.d", key: folder + "/private.key"),
                spooled: [],
                now: 9
            )
            let seen = EvidenceVerifier.Witness(
                sequence: ledger.head.sequence,
                mark: ledger.head.mark
            )
            #expect(try await verify(copies, key, witness: seen) == [])
            var later = RecordingChain(recordingID(9))
            try ledger.add([.init(id: recordingID(9), seal: later.finish())], now: 10)
            let newer = EvidenceVerifier.Witness(
                sequence: ledger.head.sequence,
                mark: ledger.head.mark
            )
            let findings = try await verify(copies, key, witness: newer)
            #expect(findings.map(\.code) == [.evidenceWitnessDiffers])
        }
    }

    @Test("a finding tells what it is about, and in which block")
    func findings() async throws {
        try await withFolder { folder in
            let (copies, key) = try corpus(folder, longest: 3 * RecordingChain.blockSize - 5)
            let id = "\(recordingID(1))"
            func codes(_ change: (inout EvidenceCopies) -> Void) async throws -> [String] {
                var changed = copies
                change(&changed)
                return try await verify(changed, key).map {
                    "\($0.code.id) \($0.subject) \($0.detail)"
                }
            }
            #expect(
                try await codes { $0.files[id]?[70_000] ^= 1 } == [
                    "EVIDENCE_RECORDING_CHANGED \(id) first block that differs: 1, from byte 65536"
                ]
            )
            #expect(
                try await codes { $0.files[id] = nil } == [
                    "EVIDENCE_RECORDING_MISSING \(id) \(3 * RecordingChain.blockSize - 5) bytes"
                ]
            )
            #expect(
                try await codes { $0.files["ledger.d/\(id).links"] = nil } == [
                    "EVIDENCE_CHAIN_CHANGED \(id) its hashes are missing"
                ]
            )
            #expect(
                try await codes { $0.files["\(recordingID(77))"] = [1] } == [
                    "EVIDENCE_RECORDING_UNKNOWN \(recordingID(77)) it is not in the ledger"
                ]
            )
            #expect(
                try await codes { $0.files["ledger.d/ledger.log"] = nil } == [
                    "EVIDENCE_LEDGER_MISSING ledger there is none"
                ]
            )
            #expect(
                try await codes { $0.files["ledger.d/ledger.head"] = nil } == [
                    "EVIDENCE_HEAD_MISSING head there is none"
                ]
            )
        }
    }

    // MARK: - The ledger on disk

    @Test("a ledger goes on after a restart; an entry that was cut off is left out")
    func restart() async throws {
        try await withFolder { folder in
            let files = Ledger.Files(folder: folder + "/ledger.d", key: folder + "/private.key")
            var chain = RecordingChain(recordingID(1))
            chain.update(ByteBuffer(string: "abc"))
            let seal = chain.finish()
            let key = try Ledger(files, spooled: [], now: 1).publicKey
            for turn in 1...3 {
                let ledger = try Ledger(files, spooled: [recordingID(1)], now: 1)
                #expect(!ledger.isNew && ledger.publicKey == key)
                // What the spool still has is not added twice.
                try ledger.add(
                    [recordingID(1), recordingID(turn + 5)].map { .init(id: $0, seal: seal) },
                    now: 2
                )
                #expect(ledger.head.sequence == UInt64(turn + 1))
                let log = try OpenFile(files.log, O_RDWR)
                try log.write(ByteBuffer(string: "torn"), at: try log.size())
            }
        }
    }

    @Test("a handing over that was cut off at any place is completed or undone by the next start")
    func cutRotation() async throws {
        try await withFolder { folder in
            let files = Ledger.Files(folder: folder + "/ledger.d", key: folder + "/private.key")
            let ledger = try Ledger(files, spooled: [], now: 1)
            let old = try Data(contentsOf: URL(filePath: files.key))
            try ledger.rotate(now: 2)
            let new = try Data(contentsOf: URL(filePath: files.key))
            // The entry was written, the new key did not get its name.
            try old.write(to: URL(filePath: files.key))
            try new.write(to: URL(filePath: files.key + ".next"))
            let healed = try Ledger(files, spooled: [], now: 3)
            #expect(healed.publicKey == ledger.publicKey)
            #expect(try Data(contentsOf: URL(filePath: files.key)) == new)
            // The new key was written, the entry was not.
            try old.write(to: URL(filePath: files.key + ".next"))
            #expect(try Ledger(files, spooled: [], now: 4).publicKey == ledger.publicKey)
        }
    }

    @Test("a ledger that was changed, or whose key is gone, is not gone on with")
    func brokenLedger() async throws {
        try await withFolder { folder in
            _ = try corpus(folder)
            let files = Ledger.Files(folder: folder + "/ledger.d", key: folder + "/private.key")
            func code() -> MessageCode? { openingFailure(files) }
            let key = try Data(contentsOf: URL(filePath: files.key))
            try Folder.remove(files.key)
            #expect(code() == .auditdLedgerBroken)
            try Data("not a key\n".utf8).write(to: URL(filePath: files.key))
            #expect(code() == .auditdLedgerFailed)
            try key.write(to: URL(filePath: files.key))
            #expect(code() == nil)
            var log = try Data(contentsOf: URL(filePath: files.log))
            log[500] ^= 1
            try log.write(to: URL(filePath: files.log))
            #expect(code() == .auditdLedgerBroken)
        }
    }

    private func openingFailure(_ files: Ledger.Files) -> MessageCode? {
        do throws(CodedError) {
            _ = try Ledger(files, spooled: [], now: 1)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("auditd puts every recording into its ledger before the spool lets go of it")
    func service() async throws {
        try await withFolder { folder in
            var key = ""
            for turn in 0..<2 {
                try await withAuditd(in: folder) { auditd in
                    for number in 0..<20 {
                        let id = recordingID(turn * 100 + number)
                        let text = String(repeating: "\(number)", count: number * 5000)
                        let size = UInt64(text.utf8.count)
                        _ = try await auditd.send(
                            [.open(id), .append(id, at: 0, text), .finish(id, size)]
                        )
                    }
                    try await eventually("the spool is empty") {
                        try Folder.names(in: folder + "/spool.d").allSatisfy {
                            !$0.hasSuffix(".part")
                        }
                    }
                    let first = String(
                        decoding: try await auditd.get(RecordingRoutes.ledger).body,
                        as: UTF8.self
                    )
                    #expect(first.split(separator: "\n").count == 1 + (turn + 1) * 20)
                    let json = try #require(
                        first.split(separator: "\n").first?.split(separator: " ").last
                    )
                    let begin = try JSONDecoder().decode(LedgerEntry.self, from: Data(json.utf8))
                    key = try #require(begin.key)
                    let links = try await auditd.get(RecordingRoutes.links(recordingID(19)))
                    #expect(links.body.count == 3 * 32)
                    #expect(try await auditd.get(RecordingRoutes.ledgerHead).status == 200)
                }
            }
            let raw = try #require([UInt8](hex: key))
            #expect(try await verify(EvidenceFolder(folder), raw) == [])
            try Folder.remove("\(folder)/\(recordingID(7))")
            let findings = try await verify(EvidenceFolder(folder), raw)
            #expect(findings.map(\.code) == [.evidenceRecordingMissing])
        }
    }

    @Test("what was recorded of a session that still runs is proven too")
    func running() async throws {
        try await withFolder { folder in
            let part = "\(folder)/spool.d/\(id).part"
            let text = String(repeating: "0123456789abcdef", count: 20_000)
            let seal: (inout AuditdConfig) -> Void = { $0.ledger.sealEvery = .milliseconds(100) }
            try await withAuditd(in: folder, change: seal) { auditd in
                _ = try await auditd.send([.open(id), .append(id, at: 0, text)])
                try await eventually("it is noted") { try kinds(folder) == [.begin, .progress] }
                let next = UInt64(text.utf8.count)
                _ = try await auditd.send([.append(id, at: next, text)])
                try await eventually("again") {
                    try kinds(folder) == [.begin, .progress, .progress]
                }
            }
            let key = try key(of: folder)
            #expect(try await verify(EvidenceFolder(folder), key) == [])
            let right = try Data(contentsOf: URL(filePath: part))
            var wrong = right
            wrong[70_000] ^= 1
            try wrong.write(to: URL(filePath: part))
            #expect(
                try await verify(EvidenceFolder(folder), key).map(\.code) == [
                    .evidenceRecordingChanged
                ]
            )
            try right.prefix(300_000).write(to: URL(filePath: part))
            #expect(
                try await verify(EvidenceFolder(folder), key).map(\.code) == [
                    .evidenceRecordingChanged
                ]
            )
            try Folder.remove(part)
            #expect(
                try await verify(EvidenceFolder(folder), key).map(\.code) == [
                    .evidenceRecordingMissing
                ]
            )
            // Its end is proven as ever, and what was noted meanwhile is part of it.
            try right.write(to: URL(filePath: part))
            try await withAuditd(in: folder, change: seal) { auditd in
                _ = try await auditd.send([.finish(id, UInt64(right.count))])
                try await eventually("stored") { Folder.exists("\(folder)/\(id)") }
                try await eventually("in the ledger") { try kinds(folder).contains(.recording) }
            }
            #expect(try await verify(EvidenceFolder(folder), key) == [])
        }
    }

    private let id = recordingID(1)

    private func entries(_ folder: String) throws -> [LedgerEntry] {
        try Data(contentsOf: URL(filePath: folder + "/ledger.d/ledger.log"))
            .split(separator: 0x0A).compactMap { line in
                let json = line.dropFirst(129)
                return try? JSONDecoder().decode(LedgerEntry.self, from: Data(json))
            }
    }

    private func kinds(_ folder: String) throws -> [LedgerEntry.Kind] {
        try entries(folder).map(\.kind)
    }

    private func key(of folder: String) throws -> [UInt8] {
        let text = try #require(try entries(folder).first?.key)
        return try #require([UInt8](hex: text))
    }
}
