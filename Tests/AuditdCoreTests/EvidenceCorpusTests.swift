import AuditClient
import AuditEvidence
import Foundation
import Testing

@testable import AuditdCore

/// What can be done to a corpus.
private enum Change: Sendable {
    case flip(String, at: Int, bits: UInt8)
    case cut(String, to: Int)
    case lengthen(String)
    case delete(String)
    case swap(String, String)
    case lines(String, [[UInt8]])
    /// All below a path, as a disk that is lost or wiped.
    case wipe(String)

    func made(to copies: EvidenceCopies) -> EvidenceCopies {
        var changed = copies
        switch self {
        case .flip(let name, let place, let bits): changed.files[name]?[place] ^= bits
        case .cut(let name, let length):
            changed.files[name].map { changed.files[name] = Array($0.prefix(length)) }
        case .lengthen(let name): changed.files[name]?.append(0)
        case .delete(let name): changed.files[name] = nil
        case .swap(let one, let other):
            (changed.files[one], changed.files[other]) = (copies.files[other], copies.files[one])
        case .lines(let name, let lines): changed.files[name] = lines.flatMap { $0 + [0x0A] }
        case .wipe(let path): changed.files = changed.files.filter { !$0.key.hasPrefix(path) }
        }
        return changed
    }

    /// Every change of every kind; of those to single bytes one in `step`, with one bit or each.
    static func all(of copies: EvidenceCopies, step: Int, bits: Int) -> [Change] {
        var list: [Change] = []
        for (name, bytes) in copies.files.sorted(by: { $0.key < $1.key }) {
            list += [.delete(name), .lengthen(name)]
            for place in stride(from: list.count % step, to: bytes.count, by: step) {
                list.append(.cut(name, to: place))
                for bit in bits == 8 ? Array(0..<8) : [place % 8] {
                    list.append(.flip(name, at: place, bits: 1 << UInt8(bit)))
                }
            }
            for (other, others) in copies.files where other > name && others != bytes {
                list.append(.swap(name, other))
            }
        }
        let ledgers = copies.files.keys.filter { $0.hasSuffix("ledger.log") }.sorted()
        for ledger in ledgers { list += entries(of: ledger, in: copies) }
        if ledgers.count > 1 { list += ledgers.map { .wipe($0.split(separator: "/")[0] + "/") } }
        return list
    }

    /// Every entry removed, repeated and swapped with each of this ledger, and with each that
    /// another one has.
    private static func entries(of ledger: String, in copies: EvidenceCopies) -> [Change] {
        func lines(_ name: String) -> [[UInt8]] {
            (copies.files[name] ?? []).split(separator: 0x0A).map(Array.init)
        }
        var list: [Change] = []
        let lines = lines(ledger)
        for first in lines.indices {
            var without = lines
            without.remove(at: first)
            list += [.lines(ledger, without), .lines(ledger, lines + [lines[first]])]
            for second in lines.indices where second > first {
                var swapped = lines
                swapped.swapAt(first, second)
                list.append(.lines(ledger, swapped))
            }
            for other in copies.files.keys where other.hasSuffix("ledger.log") && other != ledger {
                for line in (copies.files[other] ?? []).split(separator: 0x0A) {
                    var changed = lines
                    changed[first] = Array(line)
                    list.append(.lines(ledger, changed))
                }
            }
        }
        return list
    }
}

/// Real recordings, changed in every way: `make evidence` takes every bit of every byte (with
/// `SCOPE=bytes` one bit of every byte), the suite one byte in some dozens.
@Suite(.timeLimit(.minutes(60))) struct EvidenceCorpusTests {
    private static let scope = ProcessInfo.processInfo.environment["BERTH_EVIDENCE"]

    private func samples() throws -> [(id: RecordingID, bytes: [UInt8])] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "SharedAuditTests/Samples")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".bin") }.sorted()
        return try names.enumerated().map { number, name in
            // One came in two parts.
            let id = number == 1 ? recordingID(0).part(1, from: 7) : recordingID(number)
            return (id, Array(try Data(contentsOf: folder.appending(path: name))))
        }
    }

    @Test("no change to real recordings, nor to their ledger, goes unseen")
    func everything() async throws {
        try await withFolder { folder in
            let (copies, key) = try EvidenceCopies.make(
                try samples(),
                in: folder,
                rotatingAfter: 4
            )
            try await check(copies, "one ledger") { try await verify($0, key) }
        }
    }

    @Test("nor to those of two auditds that share their storage")
    func twoLedgers() async throws {
        try await withFolder { folder in
            let (copies, keys) = try EvidenceCopies.makeTwo(try samples(), in: folder)
            try await check(copies, "two ledgers") { try await $0.verifyTwo(keys) }
        }
    }

    private func check(
        _ copies: EvidenceCopies,
        _ what: String,
        _ verify: @escaping @Sendable (EvidenceCopies) async throws -> [EvidenceFinding]
    ) async throws {
        #expect(try await verify(copies) == [])
        let changes = Change.all(
            of: copies,
            step: Self.scope == nil ? 61 : 1,
            bits: Self.scope == "complete" ? 8 : 1
        )
        let found = try await withThrowingTaskGroup(of: Int.self) { group in
            let tasks = 4
            for task in 0..<tasks {
                group.addTask {
                    var found = 0
                    for index in stride(from: task, to: changes.count, by: tasks) {
                        let isFound = try await !verify(changes[index].made(to: copies)).isEmpty
                        #expect(isFound, "\(changes[index])")
                        found += isFound ? 1 : 0
                    }
                    return found
                }
            }
            return try await group.reduce(0, +)
        }
        let size = copies.files.values.reduce(0) { $0 + $1.count }
        print(
            "evidence: \(what), \(copies.files.count) files of \(size) bytes, "
                + "\(found) of \(changes.count) changes found"
        )
        #expect(found == changes.count)
    }
}
