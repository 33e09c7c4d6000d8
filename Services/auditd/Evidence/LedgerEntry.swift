package import AuditClient
package import Crypto
import Foundation

/// One entry of the ledger; a line `SIGNATURE JSON`.
package struct LedgerEntry: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable {
        /// The first entry; it names the key that signs it.
        case begin
        case recording
        /// A recording that was there before the ledger began, as it was then. Where several auditds
        /// store side by side another ledger may name it too.
        case adopted
        /// How far a recording was that still ran: whole blocks, and the hash after the last one.
        case progress
        /// The key that signs from the next entry on.
        case key
    }

    package struct Recording: Sendable, Hashable, Codable {
        package var id: String
        package var size: UInt64
        /// The last hash of its chain.
        package var chain: String

        package init(_ id: RecordingID, _ seal: RecordingChain.Seal) {
            self.id = "\(id)"
            size = seal.size
            chain = seal.hash
        }

        /// Of a recording that runs.
        package init(_ id: RecordingID, blocks: Int, link: String) {
            self.id = "\(id)"
            size = UInt64(blocks) * UInt64(RecordingChain.blockSize)
            chain = link
        }
    }

    /// Counts from 0.
    package var sequence: UInt64
    /// The hash of the line before; zeros for the first.
    package var previous: String
    /// Nanoseconds since the Unix epoch.
    package var at: Int64
    package var kind: Kind
    package var recording: Recording?
    /// A public key: of `begin` and `key`.
    package var key: String?
    /// With `key`, the new key's signature of `previous`: its owner has it.
    package var proof: String?

    package init(
        sequence: UInt64,
        previous: String,
        at: Int64,
        kind: Kind,
        recording: Recording? = nil,
        key: String? = nil,
        proof: String? = nil
    ) {
        self.sequence = sequence
        self.previous = previous
        self.at = at
        self.kind = kind
        self.recording = recording
        self.key = key
        self.proof = proof
    }

    /// The key that a ledger's first line names, whoever wrote it.
    package static func key(inFirst line: [UInt8]) -> [UInt8]? {
        let json = Data(line.dropFirst(SignedLine.signatureDigits + 1))
        // Nothing is believed of it: the caller compares the key with its own.
        return (try? JSONDecoder().decode(LedgerEntry.self, from: json))?.key
            .flatMap { [UInt8](hex: $0) }
    }

    static let none = String(repeating: "0", count: 64)
    static let proofContext = "berth-ledger-key-1\n"
}

/// Where a ledger ends, signed: what is kept elsewhere to find that its end was cut off.
package struct LedgerHead: Sendable, Hashable, Codable {
    /// Of the last entry.
    package var sequence: UInt64
    /// Of the last entry's line.
    package var hash: String
    /// Nanoseconds since the Unix epoch.
    package var at: Int64

    package init(sequence: UInt64, hash: String, at: Int64) {
        self.sequence = sequence
        self.hash = hash
        self.at = at
    }

    /// The hash's first 48 bits: as much as a metric's number holds exactly.
    package var mark: UInt64 { UInt64(hash.prefix(12), radix: 16) ?? 0 }
}

/// Lines `SIGNATURE JSON`, without the line end.
package enum SignedLine {
    static let signatureDigits = 128
    /// Longer lines are not ours.
    package static let limit = 4096

    package static func make(
        _ value: some Encodable,
        _ context: Context,
        _ key: Curve25519.Signing.PrivateKey
    ) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try encoder.encode(value)
        let signature = try key.signature(for: context.rawValue.utf8 + json)
        return Array(signature.hex.utf8) + [0x20] + json
    }

    /// The value of a line that `key` signed.
    static func open<Value: Decodable>(
        _ type: Value.Type,
        _ context: Context,
        _ line: [UInt8],
        key: (Value) -> [UInt8]?
    ) -> Value? {
        guard line.count > signatureDigits + 1, line.count <= limit,
            line[signatureDigits] == 0x20,
            let signature = [UInt8](
                hex: String(decoding: line.prefix(signatureDigits), as: UTF8.self)
            )
        else { return nil }
        let json = Data(line.dropFirst(signatureDigits + 1))
        // What is not JSON, or not an entry, was not signed by us either.
        guard let value = try? JSONDecoder().decode(Value.self, from: json),
            let raw = key(value),
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw),
            key.isValidSignature(signature, for: Data(context.rawValue.utf8) + json)
        else { return nil }
        return value
    }

    /// What a signature is for; no line can stand for another kind.
    package enum Context: String, Sendable {
        case entry = "berth-ledger-1\n"
        case head = "berth-ledger-head-1\n"
    }

    package static func hash(_ line: [UInt8]) -> String { SHA256.hash(data: line).bytes.hex }
}
