import ConfigClient
import Foundation
import SharedConfig
import SharedModels
import Testing

@testable import ConfigdCore

@Suite("Layers and origins")
struct LayerTests {
    private static let files = [
        (
            "10-exceptions.yaml",
            """
            layer: exception
            rules:
              - name: incident
                config: {security: {maxSessions: 1}}
            """
        ),
        (
            "20-users.yaml",
            """
            layer: user
            rules:
              - name: alice
                match: {authenticatedUser: alice}
                final: true
                config:
                  backend: sandbox
                  security: {maxSessions: 9}
              - name: later
                config: {backend: sshproxy}
            """
        ),
        (
            "30-teams.yaml",
            """
            rules:
              - name: team
                layer: team
                config:
                  backend: docker
                  Docker: {execution: {container: {image: team}}}
                environment: {TEAM: red}
              - name: all
                config:
                  security:
                    maxSessions: 3
                    shell: {mode: disable}
                environment: {LANG: C, TEAM: none}
                files: {/etc/motd: hi}
                authenticatedUsername: "${authenticatedUsername}"
            """
        ),
    ]

    @Test("layers go over each other whatever the order of files; exceptions follow a final rule")
    func order() throws {
        let decision = try RuleSet(yaml: Self.files).decide(question(), at: noon)
        #expect(decision.rules.map(\.name) == ["all", "team", "alice", "incident"])
        #expect(decision.rules.map(\.layer) == ["base", "team", "user", "exception"])
        #expect(decision.response.config["backend"] == "sandbox")
        #expect(decision.response.config[path: ["security", "maxSessions"]] == 1)
        #expect(decision.response.config[path: ["security", "shell", "mode"]] == "disable")
        #expect(decision.response.carried.environment["TEAM"]?.value == "red")
    }

    @Test("every value is traced to the line that had the last word")
    func origins() throws {
        let decision = try RuleSet(yaml: Self.files).decide(question(), at: noon)
        let image = "config.docker.execution.container.image"
        #expect(
            decision.origins == [
                "config.security.maxSessions": "10-exceptions.yaml:4",
                "config.backend": "20-users.yaml:7",
                "config.security.shell.mode": "30-teams.yaml:12",
                image: "30-teams.yaml:6",
                "environment.TEAM": "30-teams.yaml:7",
                "environment.LANG": "30-teams.yaml:13",
                "files./etc/motd": "30-teams.yaml:14",
                "authenticatedUsername": "30-teams.yaml:15",
            ]
        )
    }

    @Test("what is replaced as a whole leaves nothing of its former lines")
    func replaced() throws {
        let text = """
            rules:
              - config: {security: {maxSessions: 3}}
              - config: {security: null}
              - config: {security: {shell: {mode: disable}}}
            """
        let decision = try RuleSet(yaml: text).decide(question(), at: noon)
        #expect(decision.origins == ["config.security.shell.mode": "rules.yaml:4"])
    }

    @Test(
        "a rule fits in its countries only, and XX is where nobody knows",
        arguments: [
            ("DE", "DE", true), ("[AT, DE]", "DE", true), ("FR", "DE", false), ("XX", "", true),
            ("DE", "", false), ("'*'", "", true),
        ]
    )
    func country(pattern: String, country: String, fits: Bool) throws {
        let text = "rules: [{match: {country: \(pattern)}, config: {backend: sandbox}}]"
        let answer = try RuleSet(yaml: text).answer(question(country: country))
        #expect((answer.config["backend"] == "sandbox") == fits)
    }

    @Test(
        "a rule fits at its times only, in the zone of its file",
        arguments: [
            ("Wed", "UTC", true), ("Thu", "UTC", false), ("mon-fri 12:00-12:01", "UTC", true),
            ("12:01-13:00", "UTC", false), ("11:00-12:00", "UTC", false),
            ("Wed 13:00-13:30", "Europe/Berlin", true), ("Wed 12:00-12:30", "Europe/Berlin", false),
            ("Sat-Wed", "UTC", true), ("Sat,Wed 00:00-24:00", "UTC", true),
            ("Tue 20:00-13:00", "UTC", true), ("Wed 20:00-13:00", "UTC", false),
            ("Thu 00:30-02:00", "Pacific/Kiritimati", false),
            ("Thu 02:00-02:01", "Pacific/Kiritimati", true),
        ]
    )
    func time(window: String, zone: String, fits: Bool) throws {
        let text = """
            timeZone: \(zone)
            rules: [{match: {time: ["\(window)"]}, config: {backend: sandbox}}]
            """
        let answer = try RuleSet(yaml: text).answer(question())
        #expect((answer.config["backend"] == "sandbox") == fits)
    }

    @Test("summer time is known")
    func summer() throws {
        let rules = try RuleSet(
            yaml: """
                timeZone: Europe/Berlin
                rules: [{match: {time: "14:00-14:01"}, config: {backend: sandbox}}]
                """
        )
        let july = Date(timeIntervalSince1970: 1_783_080_000)  // 2026-07-03 12:00 UTC
        #expect(try rules.decide(question(), at: july).response.config["backend"] == "sandbox")
        #expect(try rules.decide(question(), at: noon).response.config["backend"] == nil)
    }

    @Test(
        "windows that are none are refused with their line",
        arguments: [
            "Foo", "08:00", "08:00-08:00", "8:00-9:00", "24:00-01:00", "08:00-24:01", "08:60-09:00",
            "Mon Tue", "Mon-", "-Mon", "Mon 08:00-09:00 x", "", " ", "Mon,,Tue", "٠٨:00-09:00",
            "Mon-Tue-Wed",
        ]
    )
    func badWindow(text: String) {
        let yaml = "rules:\n  - match:\n      time: \"\(text)\"\n"
        let error = #expect(throws: ConfigProblems.self) { try RuleSet(yaml: yaml) }
        #expect(error?.list.map(\.origin) == ["line 3"])
    }

    @Test("zones that are none are refused", arguments: ["Mars/Base", "../etc/passwd", "/x", ""])
    func badZone(name: String) {
        let yaml = "timeZone: \"\(name)\""
        #expect(throws: ConfigProblems.self) { try RuleSet(yaml: yaml) }
    }
}
