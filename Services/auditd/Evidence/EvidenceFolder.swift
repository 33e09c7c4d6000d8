package import AuditClient
import Foundation
package import NIOCore

/// Recordings and evidence in the folder of an auditd, or in a copy of it.
package struct EvidenceFolder: EvidenceSource {
    private let path: String
    private let ledgerPath: String
    private let headPath: String
    private let recordingsPath: String

    /// `ledger` and `head` may be copies that were kept elsewhere; `recordings` is the folder of
    /// the storage `file`, where it is another one.
    package init(
        _ path: String,
        ledger: String? = nil,
        head: String? = nil,
        recordings: String? = nil
    ) {
        self.path = path
        recordingsPath = recordings ?? path
        ledgerPath = ledger ?? path + "/ledger.d/ledger.log"
        headPath = head ?? path + "/ledger.d/ledger.head"
    }

    private static let ledgerFolder = "ledger.d"

    /// The folders of auditds in these folders: each that has a ledger, or whose own folders have.
    /// One with neither stands for itself: its ledger is missing.
    package static func members(
        in folders: [String],
        recordings: String? = nil
    ) throws -> [EvidenceSet.Member] {
        var members: [EvidenceSet.Member] = []
        for folder in folders {
            let inside = try self.folders(in: folder)
            let found = hasLedger(folder) || inside.isEmpty ? [folder] : inside
            // Recordings beside the folders of those that store them there.
            let shared = found == inside && !inside.isEmpty ? try isStorage(folder) : false
            for path in found {
                let place = recordings ?? (shared ? folder : path)
                members.append(
                    .init(
                        name: path,
                        source: EvidenceFolder(path, recordings: place),
                        place: place
                    )
                )
            }
        }
        return members
    }

    private static func hasLedger(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(ledgerFolder)")
    }

    private static func folders(in folder: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .map { "\(folder)/\($0)" }.filter(hasLedger)
    }

    private static func isStorage(_ folder: String) throws -> Bool {
        try !KeptHead.all(in: folder).isEmpty
            || FileManager.default.contentsOfDirectory(atPath: folder)
                .contains { RecordingID($0) != nil }
    }

    private static let step = 1 << 20

    package func ledger(at offset: UInt64) async throws -> ByteBuffer? {
        try read(ledgerPath, offset)
    }

    package func head() async throws -> ByteBuffer? { try read(headPath, 0) }

    package func links(_ id: RecordingID) async throws -> ByteBuffer? {
        try readAll("\(path)/ledger.d/\(id).links")
    }

    package func recording(_ id: RecordingID, at offset: UInt64) async throws -> ByteBuffer? {
        // Before it is stored, it is in the spool.
        try read("\(recordingsPath)/\(id)", offset) ?? read("\(path)/spool.d/\(id).part", offset)
    }

    package func names() async throws -> [RecordingID] {
        try FileManager.default.contentsOfDirectory(atPath: recordingsPath).compactMap {
            RecordingID($0)
        }
    }

    private func read(_ path: String, _ offset: UInt64) throws -> ByteBuffer? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let handle = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? handle.close() }  // It was only read.
        try handle.seek(toOffset: offset)
        return ByteBuffer(bytes: try handle.read(upToCount: Self.step) ?? Data())
    }

    private func readAll(_ path: String) throws -> ByteBuffer? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return ByteBuffer(bytes: try Data(contentsOf: URL(filePath: path)))
    }
}
