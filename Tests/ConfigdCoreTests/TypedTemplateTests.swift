import ConfigClient
import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import Testing

@testable import ConfigdCore

@Suite("Typed variables and bounds")
struct TypedTemplateTests {
    private let metadata = [
        "sessions": "7", "half": "0.5", "flag": "true", "names": "a, b c", "text": "x y",
    ]

    private func value(_ text: String) throws -> ConfigTree {
        try Template(text).value(question(country: "DE", metadata: metadata))
    }

    @Test(
        "a variable alone takes the type that it asks for",
        arguments: [
            ("${int.metadata.sessions}", 7), ("${number.metadata.half}", 0.5),
            ("${number.metadata.sessions}", 7), ("${bool.metadata.flag}", true),
            ("${list.metadata.names}", ["a", "b", "c"]), ("${raw.metadata.text}", "x y"),
            ("${metadata.sessions}", "7"), ("${country}", "DE"), ("${int.metadata.none:-3}", 3),
            ("${metadata.none:-default x}", "default x"), ("${list.metadata.none:-}", []),
            ("${metadata.sessions:-3}", "7"),
        ] as [(String, ConfigTree)]
    )
    func typed(text: String, result: ConfigTree) throws {
        #expect(try value(text) == result)
    }

    @Test("a value of another type is refused by name")
    func mistyped() {
        #expect(throws: TemplateError.mistyped("metadata.text", "int")) {
            try value("${int.metadata.text}")
        }
        #expect(throws: TemplateError.mistyped("metadata.half", "int")) {
            try value("${int.metadata.half}")
        }
        #expect(throws: TemplateError.mistyped("metadata.sessions", "bool")) {
            try value("${bool.metadata.sessions}")
        }
        #expect(throws: TemplateError.mixed("metadata.x")) { try Template("a${int.metadata.x}") }
        #expect(throws: TemplateError.unknown("name.username")) { try Template("${name.username}") }
    }

    @Test("typed variables go where numbers, booleans and lists go, and nowhere else")
    func places() throws {
        let rules = try RuleSet(
            yaml: """
                rules:
                  - config:
                      security:
                        maxSessions: "${int.metadata.sessions}"
                        env: {allow: "${list.metadata.names}"}
                """
        )
        let answer = try rules.answer(question(metadata: metadata))
        #expect(
            answer.config.json
                == #"{"security":{"env":{"allow":["a","b","c"]},"maxSessions":7}}"#
        )
        let others = [
            "security: {maxSessions: \"${bool.metadata.x}\"}", "backend: \"${int.country}\"",
        ]
        for place in others {
            #expect(throws: ConfigProblems.self) {
                try RuleSet(yaml: "rules: [{config: {\(place)}}]")
            }
        }
        let error = #expect(throws: ConfigProblems.self) {
            try RuleSet(yaml: "rules: [{environment: {A: \"${int.metadata.x}\"}}]")
        }
        #expect(error?.list.first?.path == "rules[0].environment.A")
    }

    @Test("what no gateway would take is refused with the line it came from")
    func unfit() throws {
        let rules = try RuleSet(
            yaml: """
                rules:
                  - config:
                      docker: {execution: {container: {image: "${metadata.text:-x}"}}}
                  - config:
                      backend: docker
                """
        )
        let error = #expect(throws: CodedError.self) {
            try rules.answer(question(metadata: metadata))
        }
        #expect(error?.code == .configdRuleFailed)
        #expect(try rules.answer(question()).config["backend"] == "docker")
    }

    @Test("an answer has a bound, whatever the metadata")
    func output() throws {
        let line = String(repeating: "x", count: 600_000)
        let rules = try RuleSet(
            yaml: "rules: [{files: {/a: \"${raw.metadata.a}\", /b: \"${raw.metadata.a}\"}}]"
        )
        let error = #expect(throws: CodedError.self) {
            try rules.answer(question(metadata: ["a": line]))
        }
        #expect(error?.detail.contains("more than") == true)
        let one = try RuleSet(yaml: "rules: [{files: {/a: \"${raw.metadata.a}\"}}]")
        #expect(try one.answer(question(metadata: ["a": line])).carried.files.count == 1)
    }

    @Test("more rules, files or bytes than may be are refused")
    func bounds() async throws {
        let many = String(repeating: "- {final: true}\n", count: RuleLimits.rules / 2 + 1)
        try await withFiles(["a.yaml": "rules:\n\(many)", "b.yaml": "rules:\n\(many)"]) { folder in
            let error = #expect(throws: ConfigProblems.self) { try RuleBook(paths: [path(folder)]) }
            #expect(error?.list.map(\.path) == ["rules"])
        }
        var files: [String: String] = [:]
        for index in 0...RuleLimits.files { files["\(index).yaml"] = "" }
        try await withFiles(files) { folder in
            let error = #expect(throws: ConfigProblems.self) { try RuleBook(paths: [path(folder)]) }
            #expect(error?.list.map(\.path) == ["configd.rules"])
        }
        let comment = "#" + String(repeating: "x", count: 7 << 20)
        let large = Dictionary(uniqueKeysWithValues: (0..<3).map { ("\($0).yaml", comment) })
        try await withFiles(large) { folder in
            let error = #expect(throws: ConfigProblems.self) { try RuleBook(paths: [path(folder)]) }
            #expect(error?.list.first?.origin?.hasSuffix("2.yaml") == true)
        }
    }
}
