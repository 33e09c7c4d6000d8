import AuditClient
import Foundation
import NIOCore
import SharedHTTP
import Testing

@testable import AuditdCore

#if canImport(Glibc)
    import Glibc
#endif

/// A disk on which nothing is left.
@Suite(.enabled(if: SmallDisk.isPossible, "mounting a small disk takes a privilege"))
struct FullDiskTests {
    private let id = recordingID(1)

    @Test("auditd starts all the same: the index makes room, and what was recorded is there")
    func start() async throws {
        try await withFolder { root in
            let folder = root + "/disk"
            try Folder.create(folder)
            let disk = try SmallDisk(folder, bytes: 2 << 20)
            defer { disk.unmount() }
            try await withAuditd(in: folder) { auditd in
                let results = try await auditd.send([.open(id), .append(id, at: 0, "abc")]).results
                try #require(results.map(\.status) == [200, 200])
            }
            try fill(folder + "/spool.d/index.sqlite-wal")
            #expect(try Folder.freeBytes(folder) == 0)
            try await withAuditd(in: folder) { auditd in
                #expect(try await auditd.get(RecordingRoutes.raw(id)).body == Array("abc".utf8))
                let results = try await auditd.send([.open(id), .append(id, at: 3, "def")]).results
                #expect(results.map(\.status) == [200, 200])
            }
        }
    }

    private func fill(_ path: String) throws {
        let file = try OpenFile(path, O_RDWR | O_CREAT)
        var size = try file.size()
        for piece in [1 << 20, 1 << 16, 1 << 12] {
            let bytes = ByteBuffer(repeating: 1, count: piece)
            var isFull = false
            while !isFull {
                do throws(FileError) {
                    try file.write(bytes, at: size)
                    size += UInt64(piece)
                } catch { isFull = true }
            }
        }
    }
}
