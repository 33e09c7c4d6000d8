import ArgumentParser
import AuditClient
import AuditEvidence
import Foundation
import NIOCore
import SharedMessages

/// A file of our own with one thing that auditd sent; bytes are read from it piece by piece.
struct EvidenceCopy: Sendable {
    private let auditd: AuditdOptions
    private let folder: URL

    init(_ auditd: AuditdOptions) {
        self.auditd = auditd
        folder = FileManager.default.temporaryDirectory
            .appending(path: "berth-verify-\(UUID().uuidString)")
    }

    /// Gets the head before the ledger: the ledger only grows, so it has the head's entry.
    func fetch() async throws {
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        try await fetch(RecordingRoutes.ledgerHead, as: "head")
        try await fetch(RecordingRoutes.ledger, as: "ledger")
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// False where auditd has no such thing.
    @discardableResult
    func fetch(_ route: String, as name: String) async throws -> Bool {
        guard FileManager.default.createFile(atPath: path(name), contents: nil) else {
            throw CocoaError(.fileWriteUnknown)
        }
        let handle = try FileHandle(forWritingTo: URL(filePath: path(name)))
        defer { try? handle.close() }  // A failed write has thrown before.
        let isThere = try await auditd.getIfPresent(route) { bytes in
            try handle.write(contentsOf: Data(bytes))
        }
        if !isThere { try FileManager.default.removeItem(atPath: path(name)) }
        return isThere
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }  // It is our own.
}

/// Recordings that auditd has, wherever it stores them.
struct EvidenceServer: EvidenceSource {
    private let auditd: AuditdOptions
    private let copy: EvidenceCopy
    private let files: EvidenceFolder

    init(_ auditd: AuditdOptions, _ copy: EvidenceCopy, ledger: String?, head: String?) {
        self.auditd = auditd
        self.copy = copy
        files = EvidenceFolder(
            copy.path(""),
            ledger: ledger ?? copy.path("ledger"),
            head: head ?? copy.path("head")
        )
    }

    func ledger(at offset: UInt64) async throws -> ByteBuffer? {
        try await files.ledger(at: offset)
    }

    func head() async throws -> ByteBuffer? { try await files.head() }

    func links(_ id: RecordingID) async throws -> ByteBuffer? {
        var bytes = ByteBuffer()
        let isThere = try await auditd.getIfPresent(RecordingRoutes.links(id)) {
            bytes.writeBytes($0)
        }
        return isThere ? bytes : nil
    }

    func recording(_ id: RecordingID, at offset: UInt64) async throws -> ByteBuffer? {
        if offset == 0 {
            guard try await copy.fetch(RecordingRoutes.rawPart(id), as: "\(id)") else { return nil }
        }
        let piece = try await files.recording(id, at: offset)
        if piece?.readableBytes ?? 0 == 0 {
            try FileManager.default.removeItem(atPath: copy.path("\(id)"))
        }
        return piece
    }

    func names() async throws -> [RecordingID] {
        var names: [RecordingID] = []
        for state in ["finished", "interrupted"] {
            var cursor = ""
            while true {
                let path = RecordingRoutes.list + "?state=\(state)&limit=1000" + cursor
                let page = try await auditd.decode(RecordingPage.self, path)
                for id in page.recordings.compactMap({ RecordingID($0.id) }) {
                    names += try await auditd.parts(of: id)
                }
                guard let next = page.next else { break }
                cursor = "&cursor=\(next)"
            }
        }
        return names
    }
}
