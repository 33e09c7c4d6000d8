import AuditClient
import Foundation
import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SharedHTTP
import SharedMessages
import Synchronization
import Testing

@testable import AuditdCore

@Suite(.timeLimit(.minutes(5))) struct SeveralStoragesTests {
    private let id = recordingID(1)

    private func files(_ folder: String) -> FileStorage {
        FileStorage(folder: folder, threads: .singleton, logger: silent)
    }

    private func record(_ auditd: RunningAuditd) async throws {
        _ = try await auditd.send([.open(id), .append(id, at: 0, "abc"), .finish(id, 3)])
    }

    @Test("a recording stays in the spool until every storage has it, also over a restart")
    func all() async throws {
        try await withFolder { folder in
            let part = SpoolEngine.partPath(folder + "/spool.d", id)
            let slow = SlowStorage()
            try await withAuditd(in: folder, storages: [files(folder), slow]) { auditd in
                try await record(auditd)
                try await eventually("one has it") { Folder.exists("\(folder)/\(id)") }
                try await eventually("the other knows") { slow.taken.contains(id) }
                #expect(Folder.exists(part))
            }
            let other = SlowStorage()
            try await withAuditd(in: folder, storages: [files(folder), other]) { auditd in
                try await eventually("it is told again") { other.recovered.contains(id) }
                #expect(Folder.exists(part))
                try await other.acknowledge([id])
                try await eventually("let go of") { !Folder.exists(part) }
                #expect(try await auditd.get(RecordingRoutes.raw(id)).body == Array("abc".utf8))
                let summary = try await auditd.get(
                    RecordingSummary.self,
                    RecordingRoutes.summary(id)
                )
                #expect(summary.state == .finished)
                // A gateway that missed the answer is given it again.
                let again = try await auditd.send([.finish(id, 3), .open(id)]).results
                #expect(again.map(\.status) == [200, 410])
            }
        }
    }

    @Test("a storage without memory of its own still knows what was stored lately")
    func tombstones() async throws {
        try await withFolder { folder in
            for round in 1...3 {
                try await withAuditd(in: folder, storages: [NoStorage()]) { auditd in
                    if round == 1 { try await record(auditd) }
                    try await eventually("let go of") {
                        try Folder.names(in: folder + "/spool.d").allSatisfy {
                            !$0.hasSuffix(".part")
                        }
                    }
                    let results = try await auditd.send([.finish(id, 3), .finish(id, 4)]).results
                    #expect(results.map(\.status) == [200, 410])
                    #expect(try await auditd.get(RecordingRoutes.raw(id)).status == 404)
                }
            }
        }
    }

    @Test("a file on another file system is copied, and an equal one is not made again")
    func copies() async throws {
        try await withFolder { folder in
            let storage = files(folder)
            let path = folder + "/source.part"
            try "abc".write(toFile: path, atomically: false, encoding: .utf8)
            try await storage.store(id, from: path)
            try await storage.store(id, from: path)
            #expect(try Folder.isSame(path, "\(folder)/\(id)"))
            // The name is there and is another file: as after a copy that was not heard of.
            try "ab".write(toFile: "\(folder)/\(id)", atomically: true, encoding: .utf8)
            try await storage.store(id, from: path)
            #expect(try String(contentsOfFile: "\(folder)/\(id)", encoding: .utf8) == "abc")
            #expect(try await storage.list() == [id])
        }
    }

    @Test("a file that cannot be closed keeps its recording, one that cannot be removed does not")
    func leftovers() async throws {
        try await withFolder { folder in
            let handler = InMemoryLogHandler()
            var logger = Logger(label: "audit") { _ in handler }
            logger.logLevel = .debug
            let isBroken = Mutex(true)
            var limits = RecordingService.Limits()
            limits.closeFile = { file throws(FileError) in
                guard isBroken.withLock({ $0 }) else { return try file.close() }
                throw FileError(operation: "close", path: file.path, number: 5)
            }
            func has(_ code: MessageCode) -> Bool {
                handler.entries.contains { $0.metadata["code"].map { "\($0)" } == code.id }
            }
            let slow = SlowStorage()
            let part = SpoolEngine.partPath(folder + "/spool.d", id)
            try await withAuditd(
                in: folder,
                storages: [slow],
                limits: limits,
                logger: logger
            ) { auditd in
                try await record(auditd)
                try await eventually("told") { slow.taken.contains(id) }
                try await slow.acknowledge([id])
                try await eventually("said") { has(.auditS3CloseFailed) }
                #expect(Folder.exists(part))
                #expect(try await auditd.get(RecordingRoutes.raw(id)).body == Array("abc".utf8))
                // In the way of unlink(2), for root as well.
                try Folder.remove(part)
                try Folder.create(part)
                try Folder.create(part + "/x")
                isBroken.withLock { $0 = false }
                try await eventually("said") { has(.auditS3RemoveFailed) }
                let status = try await auditd.send([.finish(id, 3)]).results.first?.status
                #expect(status == 200)
            }
        }
    }

    @Test("not ready before the disk floor, while recordings are still taken")
    func beforeTheFloor() async throws {
        try await withFolder { folder in
            let free = try Folder.freeBytes(folder)
            try await withAuditd(in: folder, minimumFree: Int(free / 10 * 9)) { auditd in
                let ready = try await auditd.get("/readyz").status
                let results = try await auditd.send([.open(id)]).results
                #expect(ready == 503)
                #expect(results.map(\.status) == [200])
            }
        }
    }
}

/// A storage that acknowledges when the test says so.
private final class SlowStorage: RecordingStorage {
    private struct State {
        var taken: Set<RecordingID> = []
        var recovered: Set<RecordingID> = []
        var acknowledge: (@Sendable ([RecordingID]) -> Void)?
    }

    let name = "slow"
    private let state = Mutex(State())

    var taken: Set<RecordingID> { state.withLock { $0.taken } }
    var recovered: Set<RecordingID> { state.withLock { $0.recovered } }

    /// Not before it runs: what it says then would reach nobody.
    func acknowledge(_ ids: [RecordingID]) async throws {
        try await eventually("the storage runs") { state.withLock { $0.acknowledge } != nil }
        state.withLock { $0.acknowledge }?(ids)
    }

    func take(_ recordings: [SpooledRecording]) {
        state.withLock { state in
            for recording in recordings where recording.isFinished {
                state.taken.insert(recording.id)
                if recording.isRecovered { state.recovered.insert(recording.id) }
            }
        }
    }

    func run(_ acknowledge: @escaping @Sendable ([RecordingID]) -> Void) async {
        state.withLock { $0.acknowledge = acknowledge }
        let (stream, _) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
    }

    func contains(_ id: RecordingID) -> Bool { false }

    /// What it acknowledged, as far as the test needs it.
    func read(_ id: RecordingID, at offset: UInt64, count: Int) -> ByteBuffer? {
        offset == 0 ? ByteBuffer(string: "abc") : ByteBuffer()
    }

    func status(_ id: RecordingID) -> StoredStatus? { nil }
    func list() -> [RecordingID] { [] }
    func put(_ name: String, from path: String) {}
    func put(_ name: String, _ bytes: ByteBuffer) {}
    func get(_ name: String) -> ByteBuffer? { nil }
}
