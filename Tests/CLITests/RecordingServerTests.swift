import AuditClient
import ChildProcess
import Foundation
import NIOCore
import SharedAudit
import Testing

/// `berth recording` with a real auditd that holds recordings of the original's own tools.
@Suite("berth recording, with auditd", .timeLimit(.minutes(5)))
struct RecordingServerTests {
    private static let samples = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "SharedAuditTests/Samples")

    private func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: Self.samples.appending(path: name))
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try bytes(name), as: UTF8.self)
    }

    @Test("list, show, cast, play, grep and export find and give what auditd has")
    func everything() async throws {
        try await RunningAuditd.with { auditd in
            let shell = try auditd.store(try bytes("v2-shell-session.bin"))
            let exec = try auditd.store(try bytes("v2-exec-io.bin"))
            try await auditd.start()
            try await auditd.waitUntil(["list"]) { $0.contains(shell) && $0.contains(exec) }
            // The text of what was found at the start comes a moment later.
            try await auditd.waitUntil(["grep", "$ exit"]) { $0.contains(shell) }

            let byCountry = try await auditd.berth("list", "--country", "CH", "--json")
            #expect(byCountry.output.contains(exec) && !byCountry.output.contains(shell))
            let byText = try await auditd.berth("list", "--text", "$ EXIT")
            #expect(byText.output.contains(shell) && !byText.output.contains(exec))
            #expect(try await auditd.berth("list", "--state", "open").output.isEmpty)

            let show = try await auditd.berth("show", shell)
            #expect(show.status == 0)
            #expect(show.output == (try text("v2-shell-session.jsonl")))
            let cast = try await auditd.berth("cast", exec)
            #expect(cast.output == (try text("exec-io.cast")))
            let third = try await auditd.berth("cast", "--version", "3", exec)
            #expect(third.output.hasPrefix("{\"version\":3,"))
            #expect(try await auditd.berth("cast", "--version", "4", exec).status != 0)
            let play = try await auditd.berth("play", "--speed", "1000", exec)
            #expect(play.output == "uid=0\n")

            let lines = try await auditd.berth("grep", "--json", "--recording", shell, "EXIT")
            #expect(lines.output.contains("\"text\":\"$ exit\"") && lines.status == 0)
            #expect(try await auditd.berth("grep", "--commands", "$ exit").status == 1)
            #expect(try await auditd.berth("grep", "nowhere to be found").status == 1)
            let told = try await auditd.berth("grep", "--progress", "$ exit")
            #expect(told.errors.contains("found 1 lines") && told.output.contains(shell))

            let copy = auditd.folder + "-copy"
            try FileManager.default.createDirectory(
                atPath: copy,
                withIntermediateDirectories: true
            )
            let progress = ["export", "--progress", "--directory", copy, shell, exec]
            let export = try await auditd.berth(progress)
            #expect(export.status == 0 && export.errors.contains("(100 %)"), "\(export.errors)")
            #expect(
                FileManager.default.contents(atPath: "\(copy)/\(shell)")
                    == (try bytes("v2-shell-session.bin"))
            )
            for form in ["jsonl", "cast"] {
                let end = try await auditd.berth(
                    "export",
                    "--directory",
                    copy,
                    "--form",
                    form,
                    exec
                )
                #expect(end.output == "\(copy)/\(exec).\(form)\n")
            }
            let unknown = try await auditd.berth("show", String(repeating: "0", count: 32))
            #expect(unknown.status == 1 && unknown.errors.contains("AUDITD_UNKNOWN_RECORDING"))
            #expect(try await auditd.berth("show", "nothing").status != 0)
        }
    }

    @Test("verify proves what is there, here and over the network, and finds what was changed")
    func verify() async throws {
        try await RunningAuditd.with { auditd in
            let id = try auditd.store(try bytes("v2-shell-session.bin"))
            try await auditd.start()
            let ledger = auditd.folder + "/ledger.d/ledger.log"
            try await auditd.waitUntil(["list"]) { _ in
                (try? String(contentsOfFile: ledger, encoding: .utf8))?.contains(id) == true
            }
            let first = try String(contentsOfFile: ledger, encoding: .utf8).prefix { $0 != "\n" }
            let key = try #require(first.split(separator: "\"key\":\"").last?.prefix(64))
            let remote = try await auditd.berth("verify", "--public-key", String(key))
            #expect(remote.status == 0, "\(remote.output) \(remote.errors)")
            let local = ["recording", "verify", "--progress", "--public-key", String(key)]
            let here = try await ChildProcess.run("berth", local + [auditd.folder])
            #expect(here.status == 0 && !here.errors.isEmpty, "\(here.errors)")
            var changed = try bytes("v2-shell-session.bin")
            changed[300] ^= 1
            try changed.write(to: URL(filePath: "\(auditd.folder)/\(id)"))
            for end in [
                try await ChildProcess.run("berth", local + [auditd.folder]),
                try await auditd.berth("verify", "--public-key", String(key)),
            ] {
                #expect(end.status == 1 && end.output.contains("EVIDENCE_RECORDING_CHANGED"))
                #expect(end.output.contains(id))
            }
        }
    }

    @Test("watch tells what happens as it happens, and ends with the session")
    func watch() async throws {
        try await RunningAuditd.with { auditd in
            try await auditd.start()
            let id = RecordingID(high: 8, low: 8)
            let facts = RecordingFacts(remoteAddress: "192.0.2.7", country: "CH", startedAt: 1)
            let all = ByteBuffer(bytes: try bytes("v2-exec-io.bin"))
            let half = all.readableBytes / 2
            let first = ByteBuffer(bytes: all.readableBytesView.prefix(half))
            let rest = ByteBuffer(bytes: all.readableBytesView.dropFirst(half))
            try await auditd.send([
                .init(id, .open(BatchJSON.encode(facts))), .init(id, .append(offset: 0, first)),
            ])
            let watch = try auditd.launch("watch", "\(id)")
            #expect(await watch.line(containing: "\"typeId\":\"connect\"") != nil)
            try await auditd.send([
                .init(id, .append(offset: UInt64(half), rest)),
                .init(id, .finish(length: UInt64(all.readableBytes))),
            ])
            let end = await watch.end()
            #expect(end.status == 0)
            #expect(
                (end.output).contains("\"typeId\":\"disconnect\""),
                "\(end.output) \(end.errors)"
            )
        }
    }

    @Test("whoever has no token reads nothing")
    func token() async throws {
        try await RunningAuditd.with { auditd in
            let token = "a-token-of-sixteen-or-more"
            let file = auditd.folder + ".token"
            try Data((token + "\n").utf8).write(to: URL(filePath: file))
            let id = try auditd.store(try bytes("v2-exec-io.bin"))
            try await auditd.start(token: token, file)
            for arguments in [["list"], ["show", id], ["grep", "uid"], ["watch", id]] {
                let end = try await auditd.berth(arguments)
                #expect(
                    end.status == 1 && end.errors.contains("AUDITD_UNAUTHORIZED"),
                    "\(arguments)"
                )
            }
            let end = try await auditd.berth("show", "--token-file", file, id)
            #expect(end.output == (try text("v2-exec-io.jsonl")))
        }
    }
}
