import AuditClient
import Foundation
import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@testable import AuditdCore

/// What auditd says, and when.
@Suite(.timeLimit(.minutes(5))) struct AuditdCodeTests {
    private let id = recordingID(1)
    private let handler = InMemoryLogHandler()

    private var logger: Logger {
        let handler = handler
        return Logger(label: "test") { _ in handler }
    }

    private func said(_ code: MessageCode) -> Bool {
        handler.entries.contains { $0.metadata["code"] == .string(code.id) }
    }

    private func wait(for code: MessageCode) async throws {
        try await eventually("\(code.id)") { said(code) }
    }

    @Test("a restart says what it took up, and when a gateway does not come back")
    func recovered() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder, logger: logger) { auditd in
                #expect(said(.auditdLedgerStarted))
                _ = try await auditd.send([.open(id), .append(id, at: 0, "abc")])
            }
            #expect(!said(.auditdRecovered))
            let limits = RecordingService.Limits(lease: .milliseconds(200))
            try await withAuditd(in: folder, limits: limits, logger: logger) { auditd in
                try await wait(for: .auditdRecovered)
                try await wait(for: .auditdLeaseExpired)
                let result = try await auditd.send([.append(id, at: 3, "d")]).results.first
                #expect(result?.code == MessageCode.auditdRecordingFinished.id)
            }
        }
    }

    @Test("an index that was lost is made anew, and one that is damaged too")
    func index() async throws {
        try await withFolder { folder in
            try Data("abc".utf8).write(to: URL(filePath: "\(folder)/\(id)"))
            try await withAuditd(in: folder, logger: logger) { _ in
                try await wait(for: .auditdIndexRebuilt)
            }
            let index = folder + "/spool.d/index.sqlite"
            for suffix in ["-wal", "-shm"] { try Folder.remove(index + suffix) }
            try Data(noise(100_000)).write(to: URL(filePath: index))
            try await withAuditd(in: folder, logger: logger) { auditd in
                #expect(said(.auditdIndexFailed))
                try await eventually("listed again") {
                    try await auditd.get(RecordingPage.self, RecordingRoutes.list)
                        .recordings.map(\.id) == ["\(id)"]
                }
            }
        }
    }

    @Test("a storage that fails is said, and the recording stays in the spool")
    func store() async throws {
        try await withFolder { folder in
            let files = FileStorage(folder: folder + "/none", threads: .singleton, logger: logger)
            try await withAuditd(in: folder, storages: [files]) { auditd in
                _ = try await auditd.send([.open(id), .append(id, at: 0, "abc"), .finish(id, 3)])
                try await wait(for: .auditdStoreFailed)
                #expect(try await auditd.get(RecordingRoutes.raw(id)).body == Array("abc".utf8))
                try Folder.create(folder + "/none")
                try await eventually("stored") { Folder.exists("\(folder)/none/\(id)") }
            }
        }
    }

    @Test("a key that grew old is replaced, which is said")
    func rotation() async throws {
        try await withFolder { folder in
            let change: (inout AuditdConfig) -> Void = {
                $0.ledger.rotateAfter = .milliseconds(10)
            }
            try await withAuditd(in: folder, logger: logger, change: change) { _ in
                try await wait(for: .auditdLedgerRotated)
            }
        }
    }

    @Test("what only shows the terminal has no messages")
    func notDecodable() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                var facts = sampleFacts
                facts.format = .asciinema
                _ = try await auditd.send([.open(id, facts), .append(id, at: 0, "{}")])
                let reply = try await auditd.get(RecordingRoutes.messages(id))
                #expect(reply.status == 409)
                #expect(reply.refusal?.code == MessageCode.auditdNotDecodable.id)
            }
        }
    }

    @Test("more than enough followers are refused with a code")
    func followers() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                _ = try await auditd.send([.open(id), .append(id, at: 0, "abc")])
                let route = RecordingRoutes.live(id)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<64 {
                        group.addTask {
                            let call = HTTPCall(.get, route, timeLimit: .idle(.seconds(100)))
                            // Held until the test ends it.
                            _ = try? await auditd.client.send(call)
                        }
                    }
                    var code = ""
                    try await eventually("refused") {
                        let call = HTTPCall(.get, route, timeLimit: .total(.seconds(1)))
                        code = (try? await auditd.client.send(call))?.refusal?.code ?? ""
                        return !code.isEmpty
                    }
                    #expect(code == MessageCode.auditdTooManyFollowers.id)
                    group.cancelAll()
                }
            }
        }
    }

    @Test("a spool for which too much waits says so")
    func busy() async throws {
        try await withFolder { folder in
            let spool = try Spool(.init(folder: folder + "/s"), now: { 1 }, onChange: { _ in })
            let batch = RecordingBatch(gateway: "g", frames: [.open(id)])
            let error = await #expect(throws: CodedError.self) {
                try await spool.submit(batch, size: 1 << 30)
            }
            #expect(error?.code == .auditdBusy && error?.isRetryable == true)
            #expect(try await spool.submit(batch, size: 100).map(\.status) == [200])
            await spool.close()
        }
    }
}
