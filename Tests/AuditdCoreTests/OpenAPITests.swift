import AuditClient
import Foundation
import HTTPTypes
import Testing
import Yams

@testable import AuditdCore

/// Keeps `docs/openapi/auditd.yaml` true.
@Suite struct OpenAPITests {
    private typealias Object = [String: Any]

    @Test("the document has exactly the routes of the server")
    func routes() throws {
        let paths = try #require(document()["paths"] as? Object)
        let described = paths.flatMap { path, methods in
            (methods as? Object ?? [:]).keys.map { "\($0.uppercased()) \(path)" }
        }
        let real = RecordingEndpoints.routes.map { "\($0.method.rawValue) \($0.path)" }
        #expect(Set(described) == Set(real))
    }

    @Test("the document describes exactly the fields that are written")
    func fields() throws {
        let facts = RecordingFacts(remoteAddress: "", country: "", startedAt: 1)
        let summary = RecordingSummary(id: "", facts: facts, state: .open, endedAt: 1, size: 1)
        let result = FrameResult(status: 200, durable: 1, code: "X")
        try compare("RecordingFacts", facts)
        try compare("RecordingSummary", summary)
        try compare("RecordingPage", RecordingPage(recordings: [summary], next: "x"))
        let line = RecordedLine(recording: "", kind: "", text: "", at: 1, offset: 1)
        try compare("RecordedLine", line)
        try compare("RecordedLines", RecordedLines(lines: [line], next: "x"))
        try compare("FrameResult", result)
        try compare("BatchReply", BatchReply(instance: "", results: [result]))
    }

    private func compare(_ name: String, _ value: some Encodable) throws {
        let components = try #require(document()["components"] as? Object)
        let schemas = try #require(components["schemas"] as? Object)
        let schema = try #require(schemas[name] as? Object)
        let properties = try #require(schema["properties"] as? Object)
        let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(value))
        #expect(Set(properties.keys) == Set(try #require(written as? Object).keys), "\(name)")
    }

    private func document() throws -> Object {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(
            contentsOf: root.appending(path: "docs/openapi/auditd.yaml"),
            encoding: .utf8
        )
        return try #require(try Yams.load(yaml: text) as? Object)
    }
}
