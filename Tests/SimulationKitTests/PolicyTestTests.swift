import ConfigdCore
import Foundation
import SharedConfig
import Testing

@testable import SimulationKit

@Suite("Policy tests", .timeLimit(.minutes(5)))
struct PolicyTestTests {
    private static let rules = """
        rules:
          - name: everyone
            config: {security: {maxSessions: 4}, limits: {idleTimeout: 600s}}
            environment: {LANG: C}
            files: {/etc/motd: hi}
          - name: guests
            match: {user: guest, country: DE, time: "Wed 11:00-13:00"}
            config: {security: {shell: {mode: disable}}}
        """

    private func outcomes(_ tests: String) async throws -> [PolicyTestRunner.Outcome] {
        try await withFolder(["rules.yaml": Self.rules]) { folder in
            let rules = try RuleBook(paths: [folder + "/rules.yaml"]).rules
            let runner = PolicyTestRunner(
                Simulator(try gateway().config, .rules(rules)),
                now: noon
            )
            var list: [PolicyTestRunner.Outcome] = []
            let file = ConfigFile(path: "t.yaml", bytes: Array(tests.utf8))
            for (test, place) in try PolicyTestRunner.read(file) {
                list.append(await runner.run(test, place: place))
            }
            return list
        }
    }

    @Test("what is as expected passes")
    func passing() async throws {
        let list = try await outcomes(
            """
            tests:
              - name: guest
                login: {user: guest, country: DE, identity: anna, metadata: {groups: x}}
                expect:
                  login: accepted
                  identity: anna
                  rules: [everyone, guests]
                  config: {backend: sandbox, limits: {idleTimeout: 10m}, security: {maxSessions: 4}}
                  metadata: {groups: x}
                  environment: {LANG: C}
                  files: {/etc/motd: hi}
                  allow: [exec ls]
                  deny: [shell]
                  code: SECURITY_SHELL_REJECTED
              - name: at night
                login: {user: guest, country: DE, time: "2026-01-07T20:00:00Z"}
                expect: {rules: [everyone], allow: [shell]}
            """
        )
        #expect(list.map(\.failures) == [[], []])
        #expect(PolicyTestReport(list).summary == "2 passed, 0 failed")
    }

    @Test(
        "each expectation that does not hold is told",
        arguments: [
            ("login: refused", "login:"), ("identity: bob", "identity:"), ("rules: [x]", "rules:"),
            ("config: {backend: docker}", "config.backend"),
            ("config: {security: {maxSessions: 5}}", "config.security.maxSessions"),
            ("config: {nonsense: 1}", "config.nonsense"), ("metadata: {a: b}", "metadata.a"),
            ("environment: {LANG: D}", "environment.LANG"), ("files: {/x: y}", "files./x"),
            ("deny: [shell]", "shell: is allowed"), ("code: NO_SUCH_CODE", "code:"),
            ("vetoes: [backend]", "vetoes:"),
            ("allow: [forward example.org:80]", "forward example.org:80: is refused"),
        ]
    )
    func failing(expectation: String, failure: String) async throws {
        let list = try await outcomes(
            """
            tests:
              - name: "a <b> & \\"c\\""
                login: {user: dev}
                expect: {\(expectation)}
            """
        )
        let outcome = try #require(list.first)
        #expect(outcome.failures.count == 1)
        #expect(outcome.failures.first?.contains(failure) == true, "\(outcome.failures)")
        #expect(outcome.place == "t.yaml:2")
        let report = PolicyTestReport(list)
        #expect(report.failures == 1)
        #expect(report.junit.contains("name=\"a &lt;b&gt; &amp; &quot;c&quot;\""))
        #expect(report.junit.contains("<failure message="))
    }

    @Test(
        "a file that is wrong says where",
        arguments: [
            "tests: [{}]", "tests: [{name: a, login: {user: x}}]",
            "tests: [{name: a, expect: {login: accepted}}]",
            "tests: [{name: a, login: {user: x, address: no}, expect: {login: accepted}}]",
            "tests: [{name: a, login: {user: x, time: noon}, expect: {login: accepted}}]",
            "tests: [{name: a, login: {user: x}, expect: {allow: [sudo]}}]",
            "tests: [{name: a, login: {user: x}, expect: {login: maybe}}]", "test: []", "tests: 5",
        ]
    )
    func wrong(text: String) {
        let file = ConfigFile(path: "t.yaml", bytes: Array(text.utf8))
        let error = #expect(throws: ConfigProblems.self) { try PolicyTestRunner.read(file) }
        #expect(error?.list.allSatisfy { $0.origin != nil } == true)
    }
}
