import AuditClient
import Foundation
import InMemoryLogging
import Logging
import NIOCore
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

#if canImport(Glibc)
    import Glibc
#endif

/// Which bytes go where, and what an accident at each step leaves.
@Suite struct SpoolWritingTests {
    private let id = recordingID(1)
    private let bulk = noise(200_000)

    @Test("many bytes of a recording are written once, few go through the journal")
    func direct() async throws {
        try await withFolder { folder in
            try withEngine(folder) { engine in
                try commit(engine, [.open(id), .append(id, at: 0, "begins")])
                try commit(engine, [append(at: 6, bulk)])
                try commit(engine, [.append(id, at: 200_006, "ends")])
                let journal = try OpenFile(folder + "/journal-1.log", O_RDONLY)
                #expect(try journal.size() < 1000)
            }
            try withEngine(folder) { engine in
                #expect(engine.recordings[id]?.length == 200_010)
                #expect(engine.damaged.isEmpty)
            }
            #expect(try content(folder) == Array("begins".utf8) + bulk + Array("ends".utf8))
        }
    }

    @Test("pieces of one recording that come together count together")
    func together() async throws {
        try await withFolder { folder in
            try withEngine(folder) { engine in
                try commit(engine, [.open(id)])
                let frames = stride(from: 0, to: bulk.count, by: 10_000).map {
                    append(at: $0, Array(bulk[$0..<$0 + 10_000]))
                }
                try commit(engine, frames + [.finish(id, 200_000)])
                let journal = try OpenFile(folder + "/journal-1.log", O_RDONLY)
                #expect(try journal.size() < 5000)
            }
            try withEngine(folder) { engine in
                #expect(engine.recordings[id]?.spooled.state == .finished)
            }
            #expect(try content(folder) == bulk)
        }
    }

    @Test("a recording that the journal never got begins anew, whatever is in its file")
    func neverAcknowledged() async throws {
        try await withFolder { folder in
            try withEngine(folder) { _ in }
            let draft = try OpenFile(SpoolEngine.draftPath(folder, id), O_RDWR | O_CREAT)
            try draft.write(ByteBuffer(bytes: bulk), at: 0)
            try withEngine(folder) { engine in
                #expect(engine.recordings.isEmpty)
                #expect(!Folder.exists(SpoolEngine.draftPath(folder, id)))
                let results = try commit(engine, [.open(id), .append(id, at: 0, "abc")])
                #expect(results.map(\.status) == [200, 200])
            }
            #expect(try content(folder) == Array("abc".utf8))
        }
    }

    @Test("a recording in the journal is there, whether its file got its name or not")
    func unnamed() async throws {
        try await withFolder { folder in
            try withEngine(folder) { engine in
                try commit(engine, [.open(id), .append(id, at: 0, "abc")])
            }
            let path = SpoolEngine.partPath(folder, id)
            try Folder.rename(path, to: SpoolEngine.draftPath(folder, id))
            try withEngine(folder) { engine in
                #expect(engine.recordings[id]?.length == 3)
                #expect(engine.recordings[id]?.spooled.state == .open)
            }
            #expect(try content(folder) == Array("abc".utf8))
        }
    }

    @Test("a group that fails leaves nothing of a recording that began in it")
    func undone() async throws {
        try await withFolder { folder in
            try withEngine(folder) { engine in
                // A folder in its place can't be written to.
                let other = recordingID(2)
                try Folder.create(SpoolEngine.draftPath(folder, id))
                #expect(throws: CodedError.self) {
                    try commit(engine, [.open(other), .append(other, at: 0, "x"), .open(id)])
                }
                #expect(engine.recordings.isEmpty)
                #expect(!Folder.exists(SpoolEngine.draftPath(folder, other)))
                #expect(try commit(engine, [.open(other)]).map(\.status) == [200])
            }
        }
    }

    enum Damage: CaseIterable { case flipped, cut }

    @Test(
        "a byte that the disk lost is noticed, and its recording ends before it",
        arguments: Damage.allCases
    )
    func damaged(_ damage: Damage) async throws {
        try await withFolder { folder in
            try withEngine(folder) { engine in
                try commit(engine, [.open(id), .append(id, at: 0, "begins")])
                try commit(engine, [append(at: 6, bulk)])
            }
            let file = try OpenFile(SpoolEngine.partPath(folder, id), O_RDWR)
            switch damage {
            case .flipped: try file.write(ByteBuffer(bytes: [bulk[500] ^ 1]), at: 506)
            case .cut: try file.truncate(to: 506)
            }
            try withEngine(folder) { engine in
                #expect(engine.damaged == [id])
                #expect(engine.recordings[id]?.length == 6)
            }
            #expect(try content(folder) == Array("begins".utf8))
        }
    }

    @Test("a byte that is damaged in the middle takes nothing else with it, and auditd tells")
    func damagedInside() async throws {
        try await withFolder { folder in
            try withEngine(folder + "/spool.d") { engine in
                try commit(engine, [.open(id), .append(id, at: 0, "begins")])
                try commit(engine, [append(at: 6, bulk)])
                try commit(engine, [.append(id, at: 200_006, "ends")])
            }
            let file = try OpenFile(SpoolEngine.partPath(folder + "/spool.d", id), O_RDWR)
            try file.write(ByteBuffer(bytes: [bulk[500] ^ 1]), at: 506)
            let handler = InMemoryLogHandler()
            let logger = Logger(label: "audit") { _ in handler }
            try await withAuditd(in: folder, logger: logger) { auditd in
                try await eventually("it is told") {
                    handler.entries.contains {
                        $0.metadata["code"].map { "\($0)" } == MessageCode.auditdSpoolDamaged.id
                    }
                }
                let reply = try await auditd.get(RecordingRoutes.raw(id))
                #expect(reply.body.count == 200_010)
            }
        }
    }

    // MARK: -

    private func withEngine(_ folder: String, _ body: (SpoolEngine) throws -> Void) throws {
        if folder.hasSuffix("/spool.d") { try Folder.create(folder) }
        try body(try SpoolEngine(.init(folder: folder, minimumFree: 0)))
    }

    @discardableResult
    private func commit(
        _ engine: SpoolEngine,
        _ frames: [RecordingBatch.Frame]
    ) throws -> [FrameResult] {
        try engine.commit([RecordingBatch(gateway: "g1", frames: frames)], now: 1).results[0]
    }

    private func append(at offset: Int, _ bytes: [UInt8]) -> RecordingBatch.Frame {
        .init(id, .append(offset: UInt64(offset), ByteBuffer(bytes: bytes)))
    }

    private func content(_ folder: String) throws -> [UInt8] {
        let file = try OpenFile(SpoolEngine.partPath(folder, id), O_RDONLY)
        return Array(try file.read(at: 0, count: 1 << 20).readableBytesView)
    }
}
