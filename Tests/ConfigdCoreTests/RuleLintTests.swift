import Foundation
import SharedConfig
import Testing

@testable import ConfigdCore

@Suite("Lint")
struct RuleLintTests {
    private func findings(_ text: String, base: BerthConfig? = nil) async throws -> [String] {
        try await withFiles(["a.yaml": text]) { folder in
            RuleLint(paths: [path(folder)], base: base).findings.map {
                "\($0)".replacing(path(folder), with: "").replacing("/a.yaml", with: "a.yaml")
            }
        }
    }

    @Test("every problem of a file is told with its line")
    func errors() async throws {
        let text = """
            rules:
              - match: {users: x}
                config:
                  backend: dockr
                  nonsense: 1
              - environment: {A: "${nobody}"}
            """
        let found = try await findings(text)
        let lines = found.map { $0.prefix { $0 != " " } }
        #expect(Set(lines) == ["a.yaml:2:", "a.yaml:4:", "a.yaml:5:", "a.yaml:6:"])
        #expect(found.allSatisfy { $0.contains(": error: ") })
    }

    @Test("text that is no YAML is an error at its line")
    func syntax() async throws {
        let found = try await findings("rules:\n  - name: [\n")
        #expect(found.count == 1)
        #expect(found.first?.contains(": error: is not YAML") == true)
    }

    @Test("rules that hardly do what was meant are warned of")
    func warnings() async throws {
        let text = """
            rules:
              - name: all
                final: true
                config: {backend: sandbox}
              - name: all
                match: {user: x}
              - name: e
                layer: exception
                config: {backend: docker}
            """
        #expect(
            try await findings(text) == [
                "a.yaml:5: warning: is never looked at, as \"all\" is final and fits everybody",
                "a.yaml:5: warning: has the name of the rule at a.yaml:2",
                "a.yaml:5: warning: gives nothing and ends nothing",
            ]
        )
    }

    @Test("what crosses the floor is found beside a gateway's configuration")
    func floor() async throws {
        let text = """
            rules:
              - config:
                  backend: docker
                  docker:
                    execution:
                      host: {privileged: true}
            """
        #expect(try await findings(text).isEmpty)
        var base = BerthConfig()
        base.docker.execution.container = ["image": "x"]
        let found = try await findings(text, base: base)
        let crossing = found.first { $0.contains("floor.allowPrivileged") }
        #expect(crossing?.hasPrefix("a.yaml:6:") == true)
    }
}
