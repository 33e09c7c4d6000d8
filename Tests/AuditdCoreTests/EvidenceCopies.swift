import AuditClient
import AuditEvidence
import Foundation
import NIOCore
import Testing

@testable import AuditdCore

/// Evidence in memory, so that thousands of changed copies can be verified.
struct EvidenceCopies: EvidenceSource {
    /// By path.
    var files: [String: [UInt8]]
    /// auditd's folder, and the one with the recordings, each with its slash.
    var folder = ""
    var recordings = ""

    private func piece(_ name: String, _ offset: UInt64) -> ByteBuffer? {
        files[name].map { ByteBuffer(bytes: $0.dropFirst(Int(offset)).prefix(100_000)) }
    }

    func ledger(at offset: UInt64) async throws -> ByteBuffer? {
        piece(folder + "ledger.d/ledger.log", offset)
    }
    func head() async throws -> ByteBuffer? { piece(folder + "ledger.d/ledger.head", 0) }
    func links(_ id: RecordingID) async throws -> ByteBuffer? {
        piece(folder + "ledger.d/\(id).links", 0)
    }
    func recording(_ id: RecordingID, at offset: UInt64) async throws -> ByteBuffer? {
        piece("\(recordings)\(id)", offset)
    }
    func names() async throws -> [RecordingID] {
        files.keys.filter { $0.hasPrefix(recordings) }
            .compactMap { RecordingID($0.dropFirst(recordings.count)) }
    }

    /// Two auditds with a ledger each, `a/` and `b/`, that keep their recordings and their heads in
    /// `files/`; `recordings` are theirs in turns.
    static func makeTwo(
        _ recordings: [(id: RecordingID, bytes: [UInt8])],
        in folder: String
    ) throws -> (copies: EvidenceCopies, keys: [[UInt8]]) {
        var all = EvidenceCopies(files: [:])
        var keys: [[UInt8]] = []
        for (number, name) in ["a", "b"].enumerated() {
            let own = stride(from: number, to: recordings.count, by: 2).map { recordings[$0] }
            let (copies, key) = try make(own, in: "\(folder)/\(name)", rotatingAfter: 2)
            for (path, bytes) in copies.files {
                all.files[RecordingID(path) == nil ? "\(name)/\(path)" : "files/\(path)"] = bytes
            }
            all.files["files/" + KeptHead.name(ofLedger: KeptHead.digits(key))] =
                copies.files["ledger.d/ledger.head"]
            keys.append(key)
        }
        return (all, keys)
    }

    /// What is found in `makeTwo` with the public keys alone.
    func verifyTwo(_ keys: [[UInt8]], members: [String] = ["a", "b"]) async throws
        -> [EvidenceFinding]
    {
        let folders = members.map { name in
            var copy = self
            (copy.folder, copy.recordings) = ("\(name)/", "files/")
            return EvidenceSet.Member(name: name, source: copy, place: "files")
        }
        let kept = files.filter { $0.key.hasSuffix(".head") && $0.key.hasPrefix("files/") }
            .map { KeptHead(name: String($0.key.dropFirst(6)), line: $0.value) }
        var set = EvidenceSet(folders, keys: keys, kept: kept)
        try await set.run()
        return set.findings
    }

    /// A ledger of these recordings, whose key is replaced after some of them, and what it says.
    static func make(
        _ recordings: [(id: RecordingID, bytes: [UInt8])],
        in folder: String,
        rotatingAfter count: Int
    ) throws -> (copies: EvidenceCopies, key: [UInt8]) {
        try Folder.create(folder)
        let files = Ledger.Files(folder: folder + "/ledger.d", key: folder + "/private.key")
        let ledger = try Ledger(files, spooled: [], now: 1)
        let key = try #require([UInt8](hex: ledger.publicKey))
        var copies = EvidenceCopies(files: [:])
        for (number, recording) in recordings.enumerated() {
            copies.files["\(recording.id)"] = recording.bytes
            var chain = RecordingChain(recording.id)
            chain.update(ByteBuffer(bytes: recording.bytes))
            try ledger.add([.init(id: recording.id, seal: chain.finish())], now: Int64(number))
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
