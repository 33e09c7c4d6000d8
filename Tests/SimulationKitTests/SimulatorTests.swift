import ConfigdCore
import Foundation
import SharedConfig
import SharedModels
import SharedSSH
import Testing

@testable import SimulationKit

@Suite("Simulation", .timeLimit(.minutes(5)))
struct SimulatorTests {
    private static let rules = """
        rules:
          - name: everyone
            config:
              security:
                maxSessions: 20
                command: {mode: filter, allow: ["uptime", "glob:ls *"]}
            environment: {TEAM: "${metadata.team:-none}"}
          - name: guests
            match: {user: "guest*"}
            config:
              security: {shell: {mode: disable}, forceCommand: ""}
          - name: forced
            match: {user: backup}
            config:
              security: {forceCommand: "/bin/backup"}
          - name: bad
            match: {user: mallory}
            config:
              sandbox:
                network: host
        """

    private func run(
        _ login: SimulatedLogin,
        _ config: LoadedConfig,
        rules: String = rules
    ) async throws -> (SimulationResult, SimulationReport) {
        try await withFolder(["rules.yaml": rules]) { folder in
            let rules = try RuleBook(paths: [folder + "/rules.yaml"]).rules
            let result = try await Simulator(config.config, .rules(rules)).run(login)
            return (
                result, SimulationReport(result, base: config.origins, file: "berth.yaml")
            )
        }
    }

    @Test("requests meet the policy that the rules make")
    func requests() async throws {
        let requests = [
            "pty", "env LANG=C", "shell", "exec ls -l", "exec rm -rf /", "subsystem sftp",
            "forward example.org:80", "listen localhost:8080",
        ]
        let (result, _) = try await run(login("guest1", requests), gateway())
        #expect(result.outcome == .accepted)
        let answers = Dictionary(uniqueKeysWithValues: result.answers.map { ($0.request, $0) })
        #expect(answers["pty"]?.isAllowed == true)
        #expect(answers["shell"]?.code == "SECURITY_SHELL_REJECTED")
        #expect(answers["exec ls -l"]?.runs == "exec ls -l")
        #expect(answers["exec rm -rf /"]?.code == "SECURITY_EXEC_REJECTED")
        #expect(answers["forward example.org:80"]?.code == "SECURITY_FORWARDING_REJECTED")
        #expect(answers["listen localhost:8080"]?.code == "SECURITY_REVERSE_FORWARDING_REJECTED")
        #expect(result.decision?.rules.map(\.name) == ["everyone", "guests"])
    }

    @Test("a forced command is what runs")
    func forced() async throws {
        let (result, _) = try await run(login("backup", ["exec uptime", "shell"]), gateway())
        #expect(result.answers.map(\.runs) == ["exec /bin/backup", "exec /bin/backup"])
    }

    @Test("what the credential forces and forbids counts too")
    func restricted() async throws {
        var identity = AssumedIdentity(name: "alice")
        identity.restrictions = CredentialRestrictions(forceCommand: "only", permitPty: false)
        let someone = try login("dev", identity: identity, ["pty", "exec uptime"])
        let (result, _) = try await run(someone, gateway())
        #expect(result.identity == "alice")
        #expect(result.answers.map(\.isAllowed) == [false, true])
        #expect(result.answers.last?.runs == "exec only")
    }

    @Test("what crosses the floor is a veto with its line")
    func veto() async throws {
        let (result, report) = try await run(login("mallory", ["shell"]), gateway())
        guard case .refused(.configuration, let text) = result.outcome else {
            Issue.record("\(result.outcome)")
            return
        }
        #expect(text.contains("BACKEND_CONFIG_ERROR"))
        #expect(result.vetoes.map(\.path) == ["sandbox.network"])
        #expect(result.answers.isEmpty)
        #expect(report.text.contains("rules.yaml:20]"))
    }

    @Test("each value names the file and line that set it")
    func origins() async throws {
        var identity = AssumedIdentity()
        identity.carried.metadata["team"] = MetadataValue("red", sensitive: false)
        identity.carried.metadata["secret"] = MetadataValue("hunter2", sensitive: true)
        let config = try gateway("sandbox:\n  pids: 99\n")
        let (_, report) = try await run(login("dev", identity: identity), config)
        let text = report.text
        #expect(text.contains("config: sandbox.pids = 99 [berth.yaml:3]"))
        #expect(text.contains("config: security.maxSessions = 20 ["))
        #expect(text.contains("/rules.yaml:5]"))
        #expect(text.contains("environment.TEAM = red ["))
        #expect(text.contains("metadata.team = red [auth webhook]"))
        #expect(text.contains("metadata.secret = *** [auth webhook]"))
        #expect(!text.contains("hunter2"))
        let json = try JSONTree.parse(Array(report.json.utf8)).tree
        #expect(json["outcome"] == "accepted")
        let pids: ConfigTree = ["value": 99, "origin": "berth.yaml:3"]
        #expect(json[path: ["config", "sandbox.pids"]] == pids)
        #expect(!report.json.contains("hunter2"))
    }

    @Test("the gateway's own rules come first: addresses and names")
    func door() async throws {
        let config = try gateway(
            "limits: {deny: [198.51.100.0/24], usernames: {deny: [root]}}\n"
        )
        let (refused, _) = try await run(login("dev", address: "198.51.100.9"), config)
        guard case .refused(.admission, _) = refused.outcome else {
            Issue.record("\(refused.outcome)")
            return
        }
        let (root, _) = try await run(login("root"), config)
        guard case .refused(.authentication, let text) = root.outcome else {
            Issue.record("\(root.outcome)")
            return
        }
        #expect(text.contains("LIMITS_USERNAME_REFUSED"))
    }

    @Test("a rule that cannot be filled in refuses, and says which")
    func unfilled() async throws {
        let rules = "rules: [{name: r, config: {sandbox: {user: \"${metadata.home}\"}}}]"
        let (result, _) = try await run(login("dev"), gateway(), rules: rules)
        guard case .refused(.configuration, _) = result.outcome else {
            Issue.record("\(result.outcome)")
            return
        }
        #expect(result.reasons.contains { $0.contains("metadata.home") })
    }

    @Test(
        "texts that are no requests are not taken",
        arguments: [
            "", " ", "exec", "shell x", "pty 1", "forward", "forward host", "forward host:x",
            "listen host:99999999999", "sudo", "x11 1", "subsystem",
        ]
    )
    func badRequest(text: String) {
        #expect(SimulatedRequest(text) == nil)
    }

    @Test("keys that cannot be used are refused without asking anybody")
    func badKey() async throws {
        let config = try gateway(
            "auth: {publicKey: {method: webhook, webhook: {url: \"http://127.0.0.1:1\"}}}\n"
        )
        for blob in [[], [0, 0, 0, 4, 1], Array(repeating: 255, count: 64)] as [[UInt8]] {
            let someone = SimulatedLogin(
                username: "dev",
                address: "203.0.113.7",
                credential: .key(blob),
                date: noon
            )
            let (result, _) = try await run(someone, config)
            #expect(result.codes.contains("SSH_AUTH_KEY_REJECTED"))
        }
    }
}
