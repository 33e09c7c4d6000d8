import ConfigClient
import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import ConfigdCore

@Suite("Rules")
struct RuleSetTests {
    private func rules(_ yaml: String) throws(ConfigProblems) -> RuleSet {
        try RuleSet(yaml: yaml)
    }

    private func config(_ yaml: String, _ request: ConfigRequest = question()) throws -> String {
        try rules(yaml).answer(request).config.json
    }

    @Test("without a rule that fits nothing is changed")
    func none() throws {
        #expect(try rules("").answer(question()) == ConfigResponse(config: [:]))
        let other = "rules: [{match: {user: other}, config: {backend: sandbox}}]"
        #expect(try config(other) == "{}")
    }

    @Test("rules that fit are laid over each other in order")
    func merge() throws {
        let text = """
            rules:
              - config: {backend: docker, security: {maxSessions: 3, shell: {mode: enable}}}
              - match: {user: nobody}
                config: {backend: sshproxy}
              - match: {user: dev}
                config: {security: {maxSessions: 0, shell: null}}
            """
        #expect(
            try config(text)
                == #"{"backend":"docker","security":{"maxSessions":0,"shell":null}}"#
        )
    }

    @Test("a final rule that fits is the last")
    func final() throws {
        let text = """
            rules:
              - {match: {user: x}, final: true, config: {backend: sshproxy}}
              - {match: {user: dev}, final: true, config: {backend: sandbox}}
              - {config: {backend: docker}}
            """
        #expect(try config(text) == #"{"backend":"sandbox"}"#)
    }

    @Test(
        "a rule fits only if everything it asks for holds",
        arguments: [
            ("user: dev", true), ("user: [a, 'd*']", true), ("user: [a, b]", false),
            ("authenticatedUser: alice", true), ("authenticatedUser: dev", false),
            ("group: admins", true), ("group: 'adm*'", true), ("group: dmins", false),
            ("address: 203.0.113.0/24", true), ("address: [10.0.0.0/8, 203.0.113.7]", true),
            ("address: 10.0.0.0/8", false), ("metadata: {team: r?d}", true),
            ("metadata: {team: blue}", false), ("metadata: {absent: '*'}", false),
            ("user: dev, address: 10.0.0.0/8", false), ("user: dev, group: admins", true),
        ]
    )
    func matching(match: String, fits: Bool) throws {
        let request = question(metadata: ["groups": "staff, admins", "team": "red"])
        let text = "rules: [{match: {\(match)}, config: {backend: sandbox}}]"
        #expect(try config(text, request) == (fits ? #"{"backend":"sandbox"}"# : "{}"))
    }

    @Test("the metadata key of groups can be chosen")
    func groupKey() throws {
        let text = "groupMetadata: roles\nrules: [{match: {group: a}, config: {backend: sandbox}}]"
        #expect(try config(text, question(metadata: ["roles": "a b"])) != "{}")
        #expect(try config(text, question(metadata: ["groups": "a"])) == "{}")
    }

    @Test("an address that is none fits no network")
    func noAddress() throws {
        let text = "rules: [{match: {address: 0.0.0.0/0}, config: {backend: sandbox}}]"
        #expect(try config(text, question(address: "<nil>:0")) == "{}")
    }

    @Test("variables are filled in everywhere, and a key stays as it is")
    func variables() throws {
        let answer = try rules(
            """
            rules:
              - config:
                  docker: {execution: {container: {labels: {"${username}": "x-${username}"}, env: ["U=${username}"]}}}
                metadata: {who: "${authenticatedUsername}"}
                environment: {TOKEN: {value: "t-${connectionId}", sensitive: true}}
                files: {/etc/motd: "hi ${username}"}
                authenticatedUsername: "${username}"
            """
        ).answer(question())
        #expect(
            answer.config[path: ["docker", "execution", "container"]]
                == ["labels": ["${username}": "x-dev"], "env": ["U=dev"]]
        )
        #expect(answer.carried.metadata["who"] == MetadataValue("alice"))
        #expect(answer.carried.environment["TOKEN"]?.sensitive == true)
        #expect(answer.carried.files["/etc/motd"] == BinaryMetadataValue(base64: "aGkgZGV2"))
        #expect(answer.authenticatedUsername == "dev")
    }

    @Test("a reply has the form that every client of the webhook reads")
    func wireForm() throws {
        let text = """
            rules:
              - config:
                  sshproxy: {timeout: 20s}
                  docker: {timeouts: {http: 1m}, execution: {host: {resources: {memory: 5}}}}
            """
        #expect(
            try config(text)
                == #"{"docker":{"execution":{"host":{"memory":5}},"timeouts":{"http":60000000000}},"#
                + #""sshproxy":{"timeout":20000000000}}"#
        )
    }

    @Test("a rule that needs what is missing fails by its name")
    func failing() throws {
        let set = try rules(
            "rules: [{name: team, config: {security: {forceCommand: '${metadata.x}'}}}]"
        )
        let error = #expect(throws: CodedError.self) { try set.answer(question()) }
        #expect(error?.code == .configdRuleFailed)
        #expect(error?.detail.contains("team: needs ${metadata.x}") == true)
    }

    @Test("the example of the documentation is a file of rules")
    func documentation() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/rules.md").standardizedFileURL
        let parts = try String(contentsOf: page, encoding: .utf8).split(separator: "```")
        let example = try #require(parts.first { $0.hasPrefix("yaml\n") })
        let set = try rules(String(example.dropFirst("yaml\n".count)))
        #expect(set.count == 4)
        let staff = question(
            address: "10.1.2.3:4",
            metadata: ["groups": "dev-x", "team": "red"]
        )
        let answer = try set.answer(staff)
        #expect(answer.config[path: ["security", "maxSessions"]] == 4)
        #expect(answer.config["backend"] == "docker")
        #expect(answer.carried.environment["GREETING"] == MetadataValue("hello dev"))
        #expect(throws: Never.self) { try BerthConfig().applying(reply: answer.config) }
    }

    @Test("everything that is wrong with a file is reported at once")
    func problems() {
        let text = """
            rules:
              - match: {usr: x, address: 10.0.0.0/99, user: []}
                config: {ssh: {listen: x}, dokcer: {}, security: {maxSessions: many}}
              - config: {security: {forceCommand: "${nobody}"}}
                files: {/x: "${"}
                finale: true
            """
        let error = #expect(throws: ConfigProblems.self) { try rules(text) }
        let paths = Set(error?.list.map(\.path) ?? [])
        #expect(
            paths == [
                "rules[0].match.usr", "rules[0].match.address", "rules[0].match.user",
                "rules[0].config.ssh", "rules[0].config.dokcer",
                "rules[0].config.security.maxSessions", "rules[1].config.security.forceCommand",
                "rules[1].files./x", "rules[1].finale",
            ]
        )
        #expect(error?.list.allSatisfy { $0.origin != nil } == true)
    }
}
