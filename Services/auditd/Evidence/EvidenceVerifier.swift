import AuditClient
import NIOCore
import SharedMessages

/// Compares recordings with the signed ledger, trusting nothing but a public key.
package struct EvidenceVerifier: Sendable {
    /// Something seen of the ledger earlier and kept elsewhere, such as in a metrics store.
    package struct Witness: Sendable, Hashable {
        package var sequence: UInt64
        /// The first 48 bits of that entry's hash.
        package var mark: UInt64

        package init(sequence: UInt64, mark: UInt64) {
            self.sequence = sequence
            self.mark = mark
        }
    }

    private let source: any EvidenceSource
    private let witness: Witness?
    private let kept: [KeptHead]
    /// How findings call the ledger, and its head.
    private let ledger: String
    private let headName: String
    private var check: LedgerCheck
    private let key: [UInt8]
    private var keys: [[UInt8]]
    private var isBroken = false
    /// Recordings that the ledger names.
    private(set) var known: Set<RecordingID> = []
    /// Those of them that were there before it, and are another ledger's rather.
    private(set) var adopted: Set<RecordingID> = []
    /// Whether all entries could be read.
    private(set) var isWhole = false
    /// What was seen of recordings whose end the ledger does not have.
    private var running: [RecordingID: [LedgerEntry.Recording]] = [:]
    package private(set) var findings: [EvidenceFinding] = []
    /// Recordings that were compared.
    package private(set) var count: UInt64 = 0
    /// Where the ledger ends, as far as it is right.
    package var head: LedgerHead? { check.head }

    /// `key` is the public key, 32 bytes, of the ledger's first entry; `kept` are heads that were
    /// kept elsewhere, `label` tells the ledger from others in the findings.
    package init(
        _ source: any EvidenceSource,
        key: [UInt8],
        witness: Witness? = nil,
        kept: [KeptHead] = [],
        label: String = ""
    ) {
        self.source = source
        self.witness = witness
        self.kept = kept
        ledger = label.isEmpty ? "ledger" : "ledger-\(label)"
        headName = label.isEmpty ? "head" : "head-\(label)"
        self.key = key
        check = LedgerCheck(key: key)
        keys = [key]
    }

    /// Reads everything; what is wrong is in `findings`. Throws what the source throws.
    package mutating func run(
        progress: (UInt64) -> Void = { _ in }
    ) async throws {
        try await follow(progress)
        // What the entries after a broken one were is not known.
        guard isWhole else { return }
        for id in try await source.names().sorted(by: { "\($0)" < "\($1)" })
        where !known.contains(id) {
            add(.evidenceRecordingUnknown, "\(id)", "it is not in the ledger")
        }
    }

    /// Compares the ledger with its heads, and recordings with the ledger.
    mutating func follow(_ progress: (UInt64) -> Void) async throws {
        let signed = try await source.head().map { Array($0.readableBytesView) }
        let heads = [signed].compactMap { $0 } + kept.map(\.line)
        var remember = Set(heads.compactMap { LedgerCheck.claimedSequence($0) })
        if let witness { remember.insert(witness.sequence) }
        check = LedgerCheck(key: key, remember: remember)
        guard try await readLedger(progress) else { return }
        if let signed {
            checkHead(signed, headName)
        } else {
            add(.evidenceHeadMissing, headName, "there is none")
        }
        for head in kept { checkHead(head.line, head.name) }
        checkWitness()
        guard !isBroken else { return }
        isWhole = true
        for (id, seen) in running.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            try await compareRunning(id, seen)
        }
    }

    private mutating func add(_ code: MessageCode, _ subject: String, _ detail: String) {
        findings.append(EvidenceFinding(code: code, subject: subject, detail: detail))
    }

    // MARK: - The ledger

    /// False where there is none.
    private mutating func readLedger(_ progress: (UInt64) -> Void) async throws -> Bool {
        var offset: UInt64 = 0
        var rest: [UInt8] = []
        while !isBroken {
            guard let piece = try await source.ledger(at: offset) else {
                add(.evidenceLedgerMissing, ledger, "there is none")
                return false
            }
            guard piece.readableBytes > 0 else { break }
            offset += UInt64(piece.readableBytes)
            rest += piece.readableBytesView
            while let end = rest.firstIndex(of: 0x0A) {
                let line = Array(rest[..<end])
                rest.removeFirst(end + 1)
                guard try await take(line) else {
                    isBroken = true
                    break
                }
                progress(count)
            }
            if rest.count > SignedLine.limit { isBroken = true }
        }
        guard !isBroken, rest.isEmpty, check.head != nil else {
            isBroken = true
            let place = check.head.map { $0.sequence + 1 } ?? 0
            add(.evidenceLedgerChanged, ledger, "entry \(place)")
            return true
        }
        return true
    }

    private mutating func take(_ line: [UInt8]) async throws -> Bool {
        guard let entry = check.take(line) else { return false }
        if check.key != keys.last { keys.append(check.key) }
        guard let recording = entry.recording else { return true }
        guard let id = RecordingID(recording.id) else { return false }
        switch entry.kind {
        case .progress: running[id, default: []].append(recording)
        case .adopted where known.contains(id): break
        case .adopted:
            adopted.insert(id)
            try await compare(id, recording)
        default:
            adopted.remove(id)
            try await compare(id, recording)
        }
        return true
    }

    private mutating func checkHead(_ bytes: [UInt8], _ name: String) {
        var line = bytes
        guard line.popLast() == 0x0A, let head = LedgerCheck.head(line, keys: keys) else {
            return add(.evidenceHeadChanged, name, "its signature is not right")
        }
        guard let last = check.head, head.sequence <= last.sequence else {
            let place = check.head.map { "\($0.sequence)" } ?? "nothing"
            let detail = "it ends with entry \(place), and had entry \(head.sequence)"
            return add(.evidenceLedgerShort, ledger, detail)
        }
        // An older head is right if the ledger went on from it.
        if check.remembered[head.sequence]?.hash != head.hash {
            add(.evidenceHeadChanged, name, "it names another entry \(head.sequence)")
        }
    }

    private mutating func checkWitness() {
        guard let witness else { return }
        let seen = check.remembered[witness.sequence]
        guard seen?.mark == witness.mark else {
            let detail = "entry \(witness.sequence) is \(seen == nil ? "missing" : "another")"
            return add(.evidenceWitnessDiffers, ledger, detail)
        }
    }

    // MARK: - Recordings

    private mutating func compare(
        _ id: RecordingID,
        _ expected: LedgerEntry.Recording
    ) async throws {
        count += 1
        known.insert(id)
        let links = try await source.links(id).map { Array($0.readableBytesView) }
        var chain = RecordingChain(id)
        var offset: UInt64 = 0
        while true {
            guard let piece = try await source.recording(id, at: offset) else {
                if links == nil { add(.evidenceChainChanged, "\(id)", "its hashes are missing") }
                return add(.evidenceRecordingMissing, "\(id)", "\(expected.size) bytes")
            }
            guard piece.readableBytes > 0 else { break }
            offset += UInt64(piece.readableBytes)
            chain.update(piece)
            // What is longer than it was needs no more reading.
            if offset > expected.size { break }
        }
        let seal = chain.finish()
        if seal.size == expected.size, let seen = running.removeValue(forKey: id) {
            checkProgress(id, seen, seal.links)
        }
        judge(id, expected, seal, links)
    }

    /// A recording that runs, or whose auditd does: it has at least what was seen of it.
    private mutating func compareRunning(
        _ id: RecordingID,
        _ seen: [LedgerEntry.Recording]
    ) async throws {
        count += 1
        known.insert(id)
        var chain = RecordingChain(id)
        var offset: UInt64 = 0
        let needed = seen.map(\.size).max() ?? 0
        while offset < needed {
            guard let piece = try await source.recording(id, at: offset) else {
                return add(.evidenceRecordingMissing, "\(id)", "it ran, and had \(needed) bytes")
            }
            guard piece.readableBytes > 0 else { break }
            offset += UInt64(piece.readableBytes)
            chain.update(piece)
        }
        checkProgress(id, seen, chain.finish().links)
    }

    private mutating func checkProgress(
        _ id: RecordingID,
        _ seen: [LedgerEntry.Recording],
        _ links: [UInt8]
    ) {
        for place in seen {
            let blocks = place.size / UInt64(RecordingChain.blockSize)
            guard RecordingChain.link(after: blocks, in: links) == place.chain else {
                let detail = "it was another one in its first \(place.size) bytes"
                return add(.evidenceRecordingChanged, "\(id)", detail)
            }
        }
    }

    private mutating func judge(
        _ id: RecordingID,
        _ expected: LedgerEntry.Recording,
        _ seal: RecordingChain.Seal,
        _ links: [UInt8]?
    ) {
        let isRight = seal.size == expected.size && seal.hash == expected.chain
        if !isRight {
            let size =
                seal.size == expected.size
                ? "" : seal.size > expected.size ? ", it is longer" : ", it ends at \(seal.size)"
            let place = links.map { Self.firstDifference($0, seal.links) } ?? "unknown"
            add(.evidenceRecordingChanged, "\(id)", "first block that differs: \(place)\(size)")
        }
        guard let links else {
            return add(.evidenceChainChanged, "\(id)", "its hashes are missing")
        }
        if isRight, links != seal.links {
            add(.evidenceChainChanged, "\(id)", "its hashes were changed")
        }
    }

    private static func firstDifference(_ one: [UInt8], _ other: [UInt8]) -> String {
        let length = RecordingChain.linkLength
        let same = zip(one, other).prefix { $0 == $1 }.count
        return "\(same / length), from byte \(same / length * RecordingChain.blockSize)"
    }
}
