import ChildProcess
import Foundation
import Testing

@Suite("berth config, policy and simulate", .timeLimit(.minutes(5)))
struct PolicyCommandTests {
    private static let rules = """
        rules:
          - name: everyone
            config:
              security: {maxSessions: 4}
          - name: guests
            match: {user: guest}
            config:
              security: {shell: {mode: disable}}
        """
    private static let gateway = """
        backend: sandbox
        security:
          tty: {mode: disable}
        """

    /// Runs the tool in a folder of its own with the files.
    private func berth(
        _ files: [String: String] = [:],
        _ arguments: String...
    ) async throws -> (end: ChildProcess.End, report: String) {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "policy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // what is left is temporary
        let usual = ["rules.yaml": Self.rules, "berth.yaml": Self.gateway]
        let all = files.merging(usual) { own, _ in own }
        for (name, text) in all {
            let file = folder.appending(path: name)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let process = try ChildProcess("berth", arguments, folder: folder)
        let end = await process.end()
        let report = try? String(contentsOf: folder.appending(path: "out.xml"), encoding: .utf8)
        return (end, report ?? "")
    }

    @Test("lint is silent about good rules and names file and line of bad ones")
    func lint() async throws {
        let good = try await berth([:], "config", "lint", "rules.yaml", "--config", "berth.yaml")
        #expect(good.end.status == 0)
        #expect(good.end.output.isEmpty)
        #expect(good.end.errors.contains("2 rules, 0 errors, 0 warnings"))
        let bad = ["rules.yaml": "rules:\n  - config:\n      backend: x\n"]
        let end = try await berth(bad, "config", "lint", "rules.yaml").end
        #expect(end.status == 1)
        #expect(end.output.hasPrefix("rules.yaml:3: error: rules[0].config.backend"))
        let odd = ["rules.yaml": "rules:\n  - name: idle\n"]
        #expect(try await berth(odd, "config", "lint", "rules.yaml").end.status == 0)
        #expect(try await berth(odd, "config", "lint", "rules.yaml", "--strict").end.status == 1)
    }

    @Test("simulate tells what a login gets, from where, and what is refused")
    func simulate() async throws {
        let end = try await berth(
            [:],
            "simulate",
            "--config",
            "berth.yaml",
            "--rules",
            "rules.yaml",
            "--user",
            "guest",
            "--command",
            "ls",
            "--request",
            "shell"
        ).end
        #expect(end.status == 1)
        let lines = Set(end.output.split(separator: "\n").map(String.init))
        #expect(lines.contains("login: accepted"))
        #expect(lines.contains("config: security.maxSessions = 4 [rules.yaml:4]"))
        #expect(lines.contains("config: security.shell.mode = \"disable\" [rules.yaml:8]"))
        #expect(lines.contains("config: security.tty.mode = \"disable\" [berth.yaml:3]"))
        #expect(lines.contains("allowed: exec ls"))
        #expect(lines.contains("refused: shell [SECURITY_SHELL_REJECTED]"))
        let other = try await berth(
            [:],
            "simulate",
            "--config",
            "berth.yaml",
            "--rules",
            "rules.yaml",
            "--user",
            "dev",
            "--request",
            "shell",
            "--json"
        ).end
        #expect(other.status == 0)
        #expect(other.output.hasPrefix("{"))
    }

    @Test("simulate with a key that nobody can be asked about says so")
    func unanswered() async throws {
        let gateway = """
            backend: sandbox
            auth:
              publicKey:
                method: webhook
                webhook: {url: "http://127.0.0.1:1", authTimeout: 1s}
            """
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIjinMzkpn+5d762OpdYWrUzGK6XPO/3Xa8jD1IXKd2Z"
        let end = try await berth(
            ["berth.yaml": gateway, "k.pub": key],
            "simulate",
            "--config",
            "berth.yaml",
            "--rules",
            "rules.yaml",
            "--user",
            "guest",
            "--key",
            "k.pub"
        ).end
        #expect(end.status == 1)
        #expect(end.output.contains("login: refused at authentication"))
        #expect(end.output.contains("AUTH_BACKEND_ERROR"))
    }

    @Test(
        "wrong arguments are refused with a text",
        arguments: [
            ["--ip", "nobody"], ["--request", "sudo"], ["--time", "noon"], ["--country", "DEU"],
        ]
    )
    func arguments(_ more: [String]) async throws {
        let end = try await ChildProcess.run("berth", ["simulate", "--user", "x"] + more)
        #expect(end.status == 64)
        #expect(end.errors.contains(more[0]))
    }

    @Test("policy test ends with 0, 1 or 78, and writes a report")
    func policy() async throws {
        let test = """
            tests:
              - name: no shell for guests
                login: {user: guest}
                expect: {deny: [shell], config: {security: {maxSessions: 4}}}
            """
        let arguments = ["policy", "test", "t.yaml", "--config", "berth.yaml"]
        func run(_ text: String) async throws -> (end: ChildProcess.End, report: String) {
            try await berth(
                ["t.yaml": text],
                arguments[0],
                arguments[1],
                arguments[2],
                arguments[3],
                arguments[4],
                "--rules",
                "rules.yaml",
                "--junit",
                "out.xml"
            )
        }
        let good = try await run(test)
        #expect(good.end.status == 0)
        #expect(good.end.output == "ok   no shell for guests\n1 passed, 0 failed\n")
        let bad = try await run(test.replacing("deny", with: "allow"))
        #expect(bad.end.status == 1)
        #expect(bad.end.output.contains("FAIL no shell for guests [t.yaml:2]"))
        #expect(bad.report.contains("failures=\"1\""))
        #expect(try await run("tests: 5").end.status == 78)
    }
}
