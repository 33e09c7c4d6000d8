import AuditClient
import AuditEvidence
import Foundation
import InMemoryLogging
import Logging
import NIOCore
import SharedAge
import SharedAudit
import SharedConfig
import SharedHTTP
import SharedModels
import Testing

@testable import AuditdCore

@Suite("What auditd makes of recordings that have ended", .timeLimit(.minutes(3)))
struct SealingTests {
    private let identity = AgeIdentity()

    /// A session that ran a command, encoded as a gateway does it.
    private func session(_ id: RecordingID, shown: String) throws -> ByteBuffer {
        var encoder = BinaryEncoder()
        let deflater = try #require(Deflater())
        let events: [(UInt64?, AuditEvent)] = [
            (nil, .connect(remoteAddress: "192.0.2.7", country: "CH")),
            (0, .newChannelAccepted(type: "session")), (0, .exec(requestID: 0, program: "id")),
            (0, .io(.stdout, ByteBuffer(string: shown))), (0, .exit(status: 3)), (0, .close),
            (nil, .disconnect),
        ]
        for (index, (channel, event)) in events.enumerated() {
            encoder.append(
                AuditMessage(
                    connectionID: "\(id)",
                    timestamp: sampleFacts.startedAt + Int64(index) * 500_000_000,
                    channelID: channel,
                    event: event
                )
            )
        }
        return encoder.finish(using: deflater)
    }

    private func send(_ auditd: RunningAuditd, _ id: RecordingID, _ bytes: ByteBuffer) async throws
    {
        _ = try await auditd.send([
            .open(id), .init(id, .append(offset: 0, bytes)),
            .finish(id, UInt64(bytes.readableBytes)),
        ])
    }

    private func file(_ path: String) throws -> ByteBuffer {
        ByteBuffer(bytes: try Data(contentsOf: URL(filePath: path)))
    }

    private func decrypted(_ path: String) throws -> ByteBuffer {
        var decryptor = AgeDecryptor([identity])
        var bytes = try decryptor.feed(try file(path))
        bytes.writeImmutableBuffer(try decryptor.end())
        return bytes
    }

    /// Waits until the spool has let go of everything.
    private func settled(_ folder: String) async throws {
        try await eventually("everything is stored", within: .seconds(150)) {
            try !Folder.names(in: folder + "/spool.d").contains { $0.hasSuffix(".part") }
        }
    }

    private func isFound(_ auditd: RunningAuditd, _ text: String) async throws -> Bool {
        let path = RecordingRoutes.list + "?text=" + text
        return try await !auditd.get(RecordingPage.self, path).recordings.isEmpty
    }

    @Test("with recipients, what is stored only they can read, and it is proven all the same")
    func sealed() async throws {
        try await withFolder { folder in
            let (id, running) = (recordingID(1), recordingID(2))
            let bytes = try session(id, shown: "confidential\n")
            try await withAuditd(in: folder, change: { $0.encryption.recipients = recipients }) {
                auditd in
                try await send(auditd, id, bytes)
                _ = try await auditd.send([.open(running), .append(running, at: 0, "open")])
                try await eventually("it is stored") {
                    try Folder.exists("\(folder)/\(id)")
                        && !Folder.names(in: folder + "/spool.d").contains("\(id).part")
                }
                #expect(try decrypted("\(folder)/\(id)") == bytes)
                for route in [
                    RecordingRoutes.messages(id), RecordingRoutes.cast(id),
                    RecordingRoutes.live(id),
                ] {
                    let reply = try await auditd.get(route)
                    #expect(reply.status == 409 && reply.refusal?.code == "AUDITD_ENCRYPTED")
                }
                let raw = try await auditd.get(RecordingRoutes.raw(id))
                #expect(try ByteBuffer(bytes: raw.body) == file("\(folder)/\(id)"))
                #expect(
                    try await auditd.get(RecordingRoutes.raw(running)).body == Array("open".utf8)
                )
                #expect(
                    try await auditd.get(RecordingPage.self, RecordingRoutes.list).recordings.count
                        == 2
                )
                try await eventually("nothing is left behind") {
                    try Folder.names(in: folder + "/sealed.d").isEmpty
                }
                #expect(try await !isFound(auditd, "confidential"))
            }
            let key = try #require(try publicKey(folder))
            var verifier = EvidenceVerifier(EvidenceFolder(folder), key: key, witness: nil)
            try await verifier.run()
            #expect(verifier.findings == [])
            // Nothing on the disk has what was shown.
            let all = try FileManager.default.subpathsOfDirectory(atPath: folder)
            for name in all where !name.hasPrefix("spool.d/journal") {
                let data = FileManager.default.contents(atPath: folder + "/" + name) ?? Data()
                #expect(data.range(of: Data("confidential".utf8)) == nil, "\(name)")
            }
        }
    }

    private var recipients: [String] { ["\(identity.recipient)", "\(AgeIdentity().recipient)"] }

    private func publicKey(_ folder: String) throws -> [UInt8]? {
        struct Entry: Decodable { var key: String? }
        let log = try String(contentsOfFile: folder + "/ledger.d/ledger.log", encoding: .utf8)
        let line = log.prefix { $0 != "\n" }.drop { $0 != " " }.dropFirst()
        return try JSONDecoder().decode(Entry.self, from: Data(line.utf8)).key.flatMap {
            [UInt8](hex: $0)
        }
    }

    @Test("what encrypted recordings show is searchable only when that is asked for")
    func searchable() async throws {
        try await withFolder { folder in
            let id = recordingID(1)
            let bytes = try session(id, shown: "findable\n")
            let change: (inout AuditdConfig) -> Void = {
                $0.encryption.recipients = recipients
                $0.encryption.index = true
            }
            try await withAuditd(in: folder, change: change) { auditd in
                try await send(auditd, id, bytes)
                try await eventually("it is found") { try await isFound(auditd, "findable") }
                try await settled(folder)
            }
            // Made anew, the index knows that it is there, and nothing of what it says.
            for name in try Folder.names(in: folder + "/spool.d") where name.hasPrefix("index") {
                try Folder.remove(folder + "/spool.d/" + name)
            }
            try await withAuditd(in: folder, change: change) { auditd in
                try await eventually("it is listed") {
                    try await auditd.get(RecordingPage.self, RecordingRoutes.list).recordings
                        .first?.state == .finished
                }
                #expect(try await !isFound(auditd, "findable"))
            }
        }
    }

    @Test("an asciicast stands beside each recording where that is wanted", arguments: [2, 3])
    func casts(version: Int) async throws {
        try await withFolder { folder in
            let id = recordingID(1)
            let bytes = try session(id, shown: "shown\n")
            try await withAuditd(in: folder, change: { $0.casts = version == 2 ? .two : .three }) {
                auditd in
                try await send(auditd, id, bytes)
                try await settled(folder)
                #expect(try file("\(folder)/\(id)") == bytes)
                let cast = String(buffer: try file("\(folder)/\(id).cast"))
                #expect(cast.hasPrefix("{\"version\":\(version),"))
                #expect(cast.contains("\"o\",\"shown\\n\"]\n"))
                #expect(cast.contains("\"x\",\"3\"") == (version == 3))
                let served = try await auditd.get(RecordingRoutes.cast(id) + "?version=\(version)")
                #expect(String(decoding: served.body, as: UTF8.self) == cast)
                let page = try await auditd.get(RecordingPage.self, RecordingRoutes.list)
                #expect(page.recordings.map(\.id) == ["\(id)"])
            }
        }
    }

    @Test("an asciicast is encrypted as its recording is")
    func sealedCast() async throws {
        try await withFolder { folder in
            let id = recordingID(1)
            let bytes = try session(id, shown: "shown\n")
            let change: (inout AuditdConfig) -> Void = {
                $0.encryption.recipients = recipients
                $0.casts = .two
            }
            try await withAuditd(in: folder, change: change) { auditd in
                try await send(auditd, id, bytes)
                try await settled(folder)
                #expect(try decrypted("\(folder)/\(id)") == bytes)
                let cast = String(buffer: try decrypted("\(folder)/\(id).cast"))
                #expect(cast.contains("shown"))
            }
        }
    }

    @Test("what an earlier run left half made is made again, and what nobody needs is removed")
    func leftovers() async throws {
        try await withFolder { folder in
            try Folder.create(folder + "/sealed.d")
            let id = recordingID(1)
            let orphan = folder + "/sealed.d/\(recordingID(9)).age"
            for path in [
                "\(folder)/sealed.d/\(id).age.draft", "\(folder)/sealed.d/\(id).cast.draft", orphan,
            ] {
                try Data("half".utf8).write(to: URL(filePath: path))
            }
            let bytes = try session(id, shown: "x")
            let change: (inout AuditdConfig) -> Void = {
                $0.encryption.recipients = recipients
                $0.casts = .two
            }
            try await withAuditd(in: folder, change: change) { auditd in
                #expect(!Folder.exists(orphan))
                try await send(auditd, id, bytes)
                try await settled(folder)
                #expect(try decrypted("\(folder)/\(id)") == bytes)
                #expect(String(buffer: try decrypted("\(folder)/\(id).cast")).hasPrefix("{"))
                try await eventually("nothing is left") {
                    try Folder.names(in: folder + "/sealed.d").isEmpty
                }
            }
        }
    }

    @Test("what can't be made is told once and tried again until it can")
    func retried() async throws {
        try await withFolder { folder in
            let id = recordingID(1)
            let log = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in log }
            // No file can replace a folder.
            let obstacle = "\(folder)/sealed.d/\(id).cast.draft"
            try await withAuditd(in: folder, logger: logger, change: { $0.casts = .two }) {
                auditd in
                try Folder.create(obstacle)
                try await send(auditd, id, try session(id, shown: "x"))
                try await eventually("it is told", within: .seconds(150)) {
                    log.entries.contains {
                        $0.metadata["code"].map { "\($0)" } == "AUDITD_FINISH_FAILED"
                    }
                }
                // The recording itself is where it belongs, and in the spool.
                try await eventually("it is stored") { Folder.exists("\(folder)/\(id)") }
                #expect(Folder.exists("\(folder)/spool.d/\(id).part"))
                try FileManager.default.removeItem(atPath: obstacle)
                try await settled(folder)
                #expect(Folder.exists("\(folder)/\(id).cast"))
            }
        }
    }
}
