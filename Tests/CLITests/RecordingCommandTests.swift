import ChildProcess
import Foundation
import SharedMessages
import StubHTTPServer
import Testing

/// `berth recording` as a program, on the files that the original's own tools made.
@Suite("berth recording", .timeLimit(.minutes(5)))
struct RecordingCommandTests {
    private static let samples = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "SharedAuditTests/Samples")

    private func berth(_ arguments: [String]) async throws -> ChildProcess.End {
        try await ChildProcess.run("berth", ["recording"] + arguments)
    }

    private func sample(_ name: String) -> String { Self.samples.appending(path: name).path }

    private func text(_ name: String) throws -> String {
        try String(contentsOf: Self.samples.appending(path: name), encoding: .utf8)
    }

    @Test(
        "decode prints every sample byte for byte as the original's decoder does",
        arguments: [
            ("bad-magic", 1, "RECORDING_NOT_A_RECORDING"),
            ("bad-version-3", 1, "RECORDING_VERSION"),
            ("v1-minimal", 0, ""), ("v2-all-types", 0, ""), ("v2-boundary-values", 0, ""),
            ("v2-exec-io", 0, ""), ("v2-failed-login", 0, ""), ("v2-forwarding", 0, ""),
            ("v2-minimal", 0, ""), ("v2-minimal-terminated", 0, ""),
            ("v2-shell-session", 0, ""),
            ("v2-truncated-mid-message", 0, "RECORDING_INCOMPLETE"),
            ("v2-unknown-type", 1, "RECORDING_UNKNOWN_TYPE"),
        ] as [(String, Int32, String)]
    )
    func decode(name: String, status: Int32, code: String) async throws {
        let end = try await berth(["decode", sample(name + ".bin")])
        #expect(end.output == (try text(name + ".jsonl")))
        #expect(end.status == status)
        #expect(code.isEmpty ? end.errors.isEmpty : end.errors.hasPrefix(code + ": "))
    }

    @Test(
        "decode --cast prints every sample as the original's encoder does",
        arguments: ["all-types", "boundary-values", "exec-io", "failed-login", "shell-session"]
    )
    func cast(name: String) async throws {
        let end = try await berth(["decode", "--cast", sample("v2-\(name).bin")])
        #expect(end.output == (try text(name + ".cast")))
    }

    @Test("decode joins the parts that several auditds stored, whatever they overlap")
    func parts() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let whole = try Data(contentsOf: Self.samples.appending(path: "v2-shell-session.bin"))
        let name = String(repeating: "0123456789abcdef", count: 2)
        func write(_ file: String, _ bytes: Data) throws {
            try bytes.write(to: folder.appending(path: file))
        }
        try write(name, whole.prefix(200))
        try write(name + ".1-150", whole.dropFirst(150).prefix(100))
        try write(name + ".2-240", whole.dropFirst(240))
        try write(name + ".part", Data("no part".utf8))
        let end = try await berth(["decode", folder.appending(path: name).path])
        #expect(end.output == (try text("v2-shell-session.jsonl")))
        #expect(end.status == 0)
    }

    @Test("verify tells a public key that is none")
    func unreadableKey() async throws {
        let end = try await berth(["verify", "--public-key", "abc", "/nonexistent"])
        #expect(end.status == 1)
        #expect(end.errors.hasPrefix("EVIDENCE_KEY_UNREADABLE: "))
    }

    @Test("what is wrong with a file is told by its code and ends with status 1")
    func faults() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let whole = try Data(contentsOf: Self.samples.appending(path: "v2-shell-session.bin"))
        var changed = whole
        for index in 200..<260 { changed[index] = 0xFF }
        let cut = try Data(contentsOf: Self.samples.appending(path: "v1-minimal.bin")).prefix(200)
        for (bytes, code) in [
            (Data("hello".utf8), "RECORDING_NOT_A_RECORDING"),
            (Data(), "RECORDING_NOT_A_RECORDING"),
            (whole.prefix(20), "RECORDING_TRUNCATED"), (whole.prefix(45), "RECORDING_TRUNCATED"),
            (cut, "RECORDING_TRUNCATED"), (changed, "RECORDING_DAMAGED"),
        ] {
            let file = folder.appending(path: "x")
            try bytes.write(to: file)
            let end = try await berth(["decode", file.path])
            #expect(end.status == 1, "\(code)")
            #expect(end.errors.hasPrefix(code + ": "), "\(end.errors)")
            #expect(end.output.contains("{\"error\":\""))
        }
        let missing = try await berth(["decode", folder.path + "/none"])
        #expect(missing.status == 1 && missing.errors.hasPrefix("RECORDING_UNREADABLE: "))
    }

    @Test("progress is told on standard error when it is asked for")
    func progress() async throws {
        let end = try await berth(["decode", "--progress", sample("v2-all-types.bin")])
        #expect(end.output == (try text("v2-all-types.jsonl")))
        #expect(end.errors.contains("decoded ") && end.errors.hasSuffix("(100 %)\n"))
    }

    @Test("play shows what the terminal showed, in its time or faster")
    func play() async throws {
        let file = sample("v2-shell-session.bin")
        let fast = try await berth(["play", "--file", file, "--speed", "1000"])
        #expect(fast.output == "$ exit\r\n" && fast.status == 0)
        let clock = ContinuousClock()
        let time = try await clock.measure {
            let end = try await berth(["play", "--file", file, "--longest-pause", "0.05"])
            #expect(end.output == "$ exit\r\n")
        }
        // Sixteen messages, a quarter of a second apart: 15 pauses that are cut.
        #expect(time > .milliseconds(700) && time < .milliseconds(3600))
        let whole = try await clock.measure {
            _ = try await berth(["play", "--file", file, "--from", "2.5", "--speed", "2"])
        }
        #expect(whole > .milliseconds(600))
    }

    @Test("export writes files that are there only when they are whole, and replaces none unasked")
    func export() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let id = "0123456789abcdef0123456789abcdef"
        let summary = """
            {"id":"\(id)","facts":{},"state":"finished","size":3}
            """
        try await StubHTTPServer.run { request, _ in
            switch request.path {
            case "/v1/recordings/\(id)": .json(summary)
            case "/v1/recordings/\(id)/raw": .json("abc")
            default: .json(#"{"code":"AUDITD_UNKNOWN_RECORDING","message":"none"}"#, status: 404)
            }
        } _: { url, _ in
            let arguments = ["export", "--server", url, "--directory", folder.path]
            let end = try await berth(arguments + [id])
            #expect(end.status == 0, "\(end.errors)")
            let written = folder.appending(path: id)
            #expect(try Data(contentsOf: written) == Data("abc".utf8))
            let again = try await berth(arguments + [id])
            #expect(again.status == 1 && again.errors.hasPrefix("RECORDING_NOT_WRITTEN: "))
            #expect(try await berth(arguments + ["--force", id]).status == 0)
            let other = String(id.reversed())
            let unknown = try await berth(arguments + [other])
            #expect(unknown.status == 1 && unknown.errors.contains("AUDITD_UNKNOWN_RECORDING"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [id])
        }
    }
}
