import AuditClient
import NIOCore
import SharedMessages

/// The ledgers of several auditds, whose recordings lie together or apart.
///
/// Each ledger is verified with its own key. Beside that: a ledger whose key or whose kept head is
/// there must be there itself, a recording must be in one of them, and only one auditd took it.
package struct EvidenceSet: Sendable {
    package struct Member: Sendable {
        /// What findings call it while its key isn't known.
        package var name: String
        package var source: any EvidenceSource
        /// Members with one place have their recordings together.
        package var place: String

        package init(name: String, source: any EvidenceSource, place: String) {
            self.name = name
            self.source = source
            self.place = place
        }
    }

    private struct Pair {
        var member: Member
        var verifier: EvidenceVerifier
        /// Of the first public key.
        var digits: String
    }

    private let members: [Member]
    private let keys: [[UInt8]]
    private let kept: [KeptHead]
    private let witnesses: [String: EvidenceVerifier.Witness]
    package private(set) var findings: [EvidenceFinding] = []
    /// Recordings that were compared.
    package private(set) var count: UInt64 = 0
    /// Where the ledgers end that are right, by the first digits of their keys.
    package private(set) var heads: [(ledger: String, head: LedgerHead)] = []

    /// `keys` are the public keys of the ledgers' first entries, in any order; `kept` heads of any
    /// ledger that were kept elsewhere, `witnesses` what was seen of one by the first 16 digits
    /// of its key (or by "" where there is only one).
    package init(
        _ members: [Member],
        keys: [[UInt8]],
        kept: [KeptHead] = [],
        witnesses: [String: EvidenceVerifier.Witness] = [:]
    ) {
        self.members = members
        self.keys = keys
        self.kept = kept
        self.witnesses = witnesses
    }

    /// Reads everything; what is wrong is in `findings`. Throws what the sources throw.
    package mutating func run(progress: (UInt64) -> Void = { _ in }) async throws {
        var pairs = try await paired()
        findNamesWithoutLedger(pairs.map(\.digits))
        for index in pairs.indices {
            let before = count
            try await pairs[index].verifier.follow { progress(before + $0) }
            let verifier = pairs[index].verifier
            count += verifier.count
            findings += verifier.findings
            if let head = verifier.head { heads.append((pairs[index].digits, head)) }
        }
        try await findUnknown(pairs)
        findTwice(pairs)
    }

    private mutating func add(_ code: MessageCode, _ subject: String, _ detail: String) {
        findings.append(EvidenceFinding(code: code, subject: subject, detail: detail))
    }

    // MARK: - Which ledger has which key

    private mutating func paired() async throws -> [Pair] {
        var waiting = keys
        var pairs: [Pair] = []
        var others: [(member: Member, claimed: [UInt8]?)] = []
        for member in members {
            let claimed = try await Self.claimedKey(member.source)
            if let index = waiting.firstIndex(where: { $0 == claimed }) {
                pairs.append(pair(member, waiting.remove(at: index)))
            } else {
                others.append((member, claimed))
            }
        }
        // What is left on both sides belongs together, and tells more so.
        if others.count == 1, waiting.count == 1 {
            pairs.append(pair(others.removeFirst().member, waiting.removeFirst()))
        }
        for (member, claimed) in others {
            guard let claimed else {
                add(.evidenceLedgerMissing, member.name, "there is none")
                continue
            }
            let isTwice = keys.contains(claimed)
            let detail = isTwice ? "another one has the same key" : "its key is \(claimed.hex)"
            add(.evidenceLedgerUnknown, member.name, detail)
        }
        for key in waiting {
            add(
                .evidenceLedgerMissing,
                "ledger-\(KeptHead.digits(key))",
                "there is none with its key"
            )
        }
        return pairs
    }

    private func pair(_ member: Member, _ key: [UInt8]) -> Pair {
        let digits = KeptHead.digits(key)
        let verifier = EvidenceVerifier(
            member.source,
            key: key,
            witness: witnesses[digits] ?? (isSingle ? witnesses[""] : nil),
            kept: kept.filter { $0.digits == digits },
            label: isSingle ? "" : digits
        )
        return Pair(member: member, verifier: verifier, digits: digits)
    }

    /// One ledger needs no name of its own.
    private var isSingle: Bool { members.count == 1 && keys.count == 1 }

    /// The key that a ledger says it begins with; `nil` if there is none, or no whole entry.
    private static func claimedKey(_ source: any EvidenceSource) async throws -> [UInt8]? {
        guard let piece = try await source.ledger(at: 0) else { return nil }
        let line = piece.readableBytesView.prefix { $0 != 0x0A }.prefix(SignedLine.limit)
        return LedgerEntry.key(inFirst: Array(line))
    }

    /// Heads and witnesses tell of ledgers, too; and where heads are kept each ledger has one.
    private mutating func findNamesWithoutLedger(_ found: [String]) {
        for digits in found where !kept.isEmpty && !kept.contains(where: { $0.digits == digits }) {
            add(.evidenceHeadMissing, KeptHead.name(ofLedger: digits), "others are kept")
        }
        let expected = Set(keys.map(KeptHead.digits)).union(found)
        for head in kept where !expected.contains(head.digits) {
            let claimed = LedgerCheck.claimedSequence(head.line).map { "entry \($0)" } ?? "no entry"
            let detail = "its head is kept, with \(claimed)"
            add(.evidenceLedgerMissing, "ledger-\(head.digits)", detail)
        }
        for digits in witnesses.keys.sorted() where !digits.isEmpty && !expected.contains(digits) {
            add(.evidenceLedgerMissing, "ledger-\(digits)", "it was seen earlier")
        }
    }

    // MARK: - Recordings

    private mutating func findUnknown(_ pairs: [Pair]) async throws {
        for place in Set(members.map(\.place)).sorted() {
            let here = pairs.filter { $0.member.place == place }
            // What the entries after a broken one were is not known.
            guard here.allSatisfy(\.verifier.isWhole) else { continue }
            let known = here.reduce(into: Set<RecordingID>()) { $0.formUnion($1.verifier.known) }
            var names: Set<RecordingID> = []
            for member in members where member.place == place {
                names.formUnion(try await member.source.names())
            }
            let detail = isSingle ? "it is not in the ledger" : "it is in no ledger"
            for id in names.subtracting(known).sorted(by: { "\($0)" < "\($1)" }) {
                add(.evidenceRecordingUnknown, "\(id)", detail)
            }
        }
    }

    private mutating func findTwice(_ pairs: [Pair]) {
        var owners: [RecordingID: String] = [:]
        for pair in pairs {
            let taken = pair.verifier.known.subtracting(pair.verifier.adopted)
            for id in taken.sorted(by: { "\($0)" < "\($1)" }) {
                if let other = owners[id] {
                    let detail = "in ledger-\(other) and ledger-\(pair.digits)"
                    add(.evidenceRecordingTwice, "\(id)", detail)
                }
                owners[id] = pair.digits
            }
        }
    }
}
