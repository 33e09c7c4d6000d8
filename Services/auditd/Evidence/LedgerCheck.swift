package import Crypto
import Foundation

/// Follows a ledger from its first line and accepts only what was signed, in its place.
package struct LedgerCheck: Sendable {
    /// The key that signs the next entry; before the first, the one that was trusted beforehand.
    package private(set) var key: [UInt8]
    /// The last line; `nil` before the first.
    package private(set) var head: LedgerHead?
    /// When `key` was taken.
    package private(set) var keyAt: Int64 = 0
    private let wanted: Set<UInt64>
    /// The lines that were to be remembered, by number.
    package private(set) var remembered: [UInt64: LedgerHead] = [:]

    /// `key` is the public key of the first entry; `remember` the numbers of lines to remember.
    package init(key: [UInt8], remember: Set<UInt64> = []) {
        self.key = key
        wanted = remember
    }

    /// The entry of the next line; `nil` if it is not what was written there.
    package mutating func take(_ line: [UInt8]) -> LedgerEntry? {
        let trusted = key
        guard let entry = SignedLine.open(LedgerEntry.self, .entry, line, key: { _ in trusted }),
            entry.sequence == head.map({ $0.sequence + 1 }) ?? 0,
            entry.previous == head?.hash ?? LedgerEntry.none,
            isRight(entry)
        else { return nil }
        head = LedgerHead(sequence: entry.sequence, hash: SignedLine.hash(line), at: entry.at)
        if wanted.contains(entry.sequence) { remembered[entry.sequence] = head }
        return entry
    }

    private mutating func isRight(_ entry: LedgerEntry) -> Bool {
        switch entry.kind {
        case .begin:
            keyAt = entry.at
            return entry.sequence == 0 && entry.key == key.hex
        case .recording, .adopted, .progress: return entry.sequence > 0 && entry.recording != nil
        case .key:
            guard entry.sequence > 0, let text = entry.key, let next = [UInt8](hex: text),
                let proof = entry.proof.flatMap({ [UInt8](hex: $0) }),
                let nextKey = try? Curve25519.Signing.PublicKey(rawRepresentation: next),
                nextKey.isValidSignature(
                    proof,
                    for: Array((LedgerEntry.proofContext + entry.previous).utf8)
                )
            else { return false }
            key = next
            keyAt = entry.at
            return true
        }
    }

    /// The number that a head's line names, whoever wrote it.
    package static func claimedSequence(_ line: [UInt8]) -> UInt64? { claimedHead(line)?.sequence }

    /// What a head's line says, whoever wrote it.
    package static func claimedHead(_ line: [UInt8]) -> LedgerHead? {
        let json = Data(line.dropFirst(SignedLine.signatureDigits + 1))
        // Nothing is believed of it: the signature is checked once the keys are known.
        return try? JSONDecoder().decode(LedgerHead.self, from: json)
    }

    /// The head in a line; `nil` if none of the ledger's keys signed it.
    package static func head(_ line: [UInt8], keys: [[UInt8]]) -> LedgerHead? {
        for key in keys {
            if let head = SignedLine.open(LedgerHead.self, .head, line, key: { _ in key }) {
                return head
            }
        }
        return nil
    }
}

extension LedgerEntry {
    /// The entry that hands over from `old` to `new`.
    package static func rotation(
        after head: LedgerHead,
        to new: Curve25519.Signing.PrivateKey,
        at time: Int64
    ) throws -> LedgerEntry {
        LedgerEntry(
            sequence: head.sequence + 1,
            previous: head.hash,
            at: time,
            kind: .key,
            key: new.publicKey.rawRepresentation.hex,
            proof: try new.signature(for: Array((proofContext + head.hash).utf8)).hex
        )
    }

    package static func begin(_ key: Curve25519.Signing.PrivateKey, at time: Int64) -> LedgerEntry {
        LedgerEntry(
            sequence: 0,
            previous: none,
            at: time,
            kind: .begin,
            key: key.publicKey.rawRepresentation.hex
        )
    }
}
