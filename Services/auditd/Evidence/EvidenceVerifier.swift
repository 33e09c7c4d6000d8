package import AuditClient
package import NIOCore
package import SharedMessages

/// Where recordings and their evidence are read from. What is not there is `nil`.
package protocol EvidenceSource: Sendable {
    /// The next bytes of the ledger from `offset`; empty at the end.
    func ledger(at offset: UInt64) async throws -> ByteBuffer?
    func head() async throws -> ByteBuffer?
    /// The hashes after each block.
    func links(_ id: RecordingID) async throws -> ByteBuffer?
    /// The next bytes of a recording from `offset`; empty at the end.
    func recording(_ id: RecordingID, at offset: UInt64) async throws -> ByteBuffer?
    /// All recordings that are there.
    func names() async throws -> [RecordingID]
}

/// Something that is not as it was recorded.
package struct EvidenceFinding: Sendable, Hashable {
    package var code: MessageCode
    /// What it is about: a recording's name, or a part of the ledger.
    package var subject: String
    package var detail: String
}

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
    private var check: LedgerCheck
    private let key: [UInt8]
    private var keys: [[UInt8]]
    private var isBroken = false
    private var known: Set<RecordingID> = []
    /// What was seen of recordings whose end the ledger does not have.
    private var running: [RecordingID: [LedgerEntry.Recording]] = [:]
    package private(set) var findings: [EvidenceFinding] = []
    /// Recordings that were compared.
    package private(set) var count: UInt64 = 0
    /// Where the ledger ends, as far as it is right.
    package var head: LedgerHead? { check.head }

    /// `key` is the public key, 32 bytes, of the ledger's first entry.
    package init(_ source: any EvidenceSource, key: [UInt8], witness: Witness? = nil) {
        self.source = source
        self.witness = witness
        self.key = key
        check = LedgerCheck(key: key)
        keys = [key]
    }

    /// Reads everything; what is wrong is in `findings`. Throws what the source throws.
    package mutating func run(
        progress: (UInt64) -> Void = { _ in }
    ) async throws {
        let head = try await source.head()
        let signed = head.map { Array($0.readableBytesView) }
        let claimed = signed.flatMap { LedgerCheck.claimedSequence($0) }
        let remember = [claimed, witness?.sequence].compactMap { $0 }
        check = LedgerCheck(key: key, remember: Set(remember))
        guard try await readLedger(progress) else { return }
        checkHead(signed)
        checkWitness()
        // What the entries after a broken one were is not known.
        guard !isBroken else { return }
        for (id, seen) in running.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            try await compareRunning(id, seen)
        }
        for id in try await source.names().sorted(by: { "\($0)" < "\($1)" })
        where !known.contains(id) {
            add(.evidenceRecordingUnknown, "\(id)", "it is not in the ledger")
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
                add(.evidenceLedgerMissing, "ledger", "there is none")
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
            add(.evidenceLedgerChanged, "ledger", "entry \(place)")
            return true
        }
        return true
    }

    private mutating func take(_ line: [UInt8]) async throws -> Bool {
        guard let entry = check.take(line) else { return false }
        if check.key != keys.last { keys.append(check.key) }
        guard let recording = entry.recording else { return true }
        guard let id = RecordingID(recording.id) else { return false }
        if entry.kind == .progress {
            running[id, default: []].append(recording)
        } else {
            try await compare(id, recording)
        }
        return true
    }

    private mutating func checkHead(_ bytes: [UInt8]?) {
        guard var line = bytes else {
            return add(.evidenceHeadMissing, "head", "there is none")
        }
        guard line.popLast() == 0x0A, let head = LedgerCheck.head(line, keys: keys) else {
            return add(.evidenceHeadChanged, "head", "its signature is not right")
        }
        guard let last = check.head, head.sequence <= last.sequence else {
            let place = check.head.map { "\($0.sequence)" } ?? "nothing"
            let detail = "it ends with entry \(place), and had entry \(head.sequence)"
            return add(.evidenceLedgerShort, "ledger", detail)
        }
        // An older head is right if the ledger went on from it.
        if check.remembered[head.sequence]?.hash != head.hash {
            add(.evidenceHeadChanged, "head", "it names another entry \(head.sequence)")
        }
    }

    private mutating func checkWitness() {
        guard let witness else { return }
        let seen = check.remembered[witness.sequence]
        guard seen?.mark == witness.mark else {
            let detail = "entry \(witness.sequence) is \(seen == nil ? "missing" : "another")"
            return add(.evidenceWitnessDiffers, "ledger", detail)
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
