import AuditClient
import AuditEvidence
import Foundation
import NIOCore
import Testing

@testable import AuditdCore

/// Evidence in memory, so that thousands of changed copies can be verified.
struct EvidenceCopies: EvidenceSource {
    /// By path below auditd's folder.
    var files: [String: [UInt8]]

    private func piece(_ name: String, _ offset: UInt64) -> ByteBuffer? {
        files[name].map { ByteBuffer(bytes: $0.dropFirst(Int(offset)).prefix(100_000)) }
    }

    func ledger(at offset: UInt64) async throws -> ByteBuffer? {
        piece("ledger.d/ledger.log", offset)
    }
    func head() async throws -> ByteBuffer? { piece("ledger.d/ledger.head", 0) }
    func links(_ id: RecordingID) async throws -> ByteBuffer? {
        piece("ledger.d/\(id).links", 0)
    }
    func recording(_ id: RecordingID, at offset: UInt64) async throws -> ByteBuffer? {
        piece("\(id)", offset)
    }
    func names() async throws -> [RecordingID] { files.keys.compactMap { RecordingID($0) } }

    /// A ledger of these recordings, whose key is replaced after some of them, and what it says.
    static func make(
        _ recordings: [(id: RecordingID, bytes: [UInt8])],
        in folder: String,
        rotatingAfter count: Int
    ) throws -> (copies: EvidenceCopies, key: [UInt8]) {
        let files = Ledger.Files(folder: folder + "/ledger.d", key: folder + "/private.key")
        let ledger = try Ledger(files, spooled: [], now: 1)
        let key = try #require([UInt8](hex: ledger.publicKey))
        var copies = EvidenceCopies(files: [:])
        for (number, recording) in recordings.enumerated() {
            copies.files["\(recording.id)"] = recording.bytes
            var chain = RecordingChain(recording.id)
            chain.update(ByteBuffer(bytes: recording.bytes))
            try ledger.add([(recording.id, chain.finish())], now: Int64(number))
            if number == count - 1 { try ledger.rotate(now: 3) }
        }
        for name in try Folder.names(in: files.folder) {
            let path = URL(filePath: "\(files.folder)/\(name)")
            copies.files["ledger.d/\(name)"] = Array(try Data(contentsOf: path))
        }
        return (copies, key)
    }
}

/// What is found with the public key alone.
func verify(
    _ source: some EvidenceSource,
    _ key: [UInt8],
    witness: EvidenceVerifier.Witness? = nil
) async throws -> [EvidenceFinding] {
    var verifier = EvidenceVerifier(source, key: key, witness: witness)
    try await verifier.run()
    return verifier.findings
}
