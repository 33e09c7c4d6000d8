import AuditClient
import Foundation
import HTTPTypes
import NIOCore
import SharedHTTP
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
        var summary = RecordingSummary(id: "", facts: facts, state: .open, endedAt: 1, size: 1)
        summary.parts = [""]
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

/// Replays every operation of the document against a running auditd.
@Suite(.timeLimit(.minutes(5))) struct OpenAPIReplayTests {
    private typealias Object = [String: Any]

    @Test("every operation answers as the document says, with and without what it asks for")
    func replay() async throws {
        let document = try document()
        let paths = try #require(document["paths"] as? Object)
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let id = recordingID(1)
                let sample = ByteBuffer(bytes: try sample())
                _ = try await auditd.send([
                    .open(id), .init(id, .append(offset: 0, sample)),
                    .finish(id, UInt64(sample.readableBytes)),
                ])
                try await eventually("it is indexed and in the ledger") {
                    let lines = try await auditd.get(RecordingRoutes.lines + "?recording=\(id)")
                    let links = try await auditd.get(RecordingRoutes.links(id))
                    return lines.body.count > 20 && links.status == 200
                }
                for (path, methods) in paths {
                    let get = try #require((methods as? Object)?["get"] as? Object?)
                    guard let get else { continue }
                    for call in calls(path, get) {
                        let reply = try await auditd.get(call)
                        try check(reply, get, document, "\(call)")
                    }
                }
            }
        }
    }

    /// The path with a known, an unknown and a wrong identifier, and with each value of each
    /// parameter.
    private func calls(_ path: String, _ operation: Object) -> [String] {
        let needed = path == RecordingRoutes.lines ? "?text=exit" : ""
        guard !path.contains("{id}") else {
            return [recordingID(1).description, recordingID(2).description, "x"].map {
                path.replacing("{id}", with: $0)
            }
        }
        var calls = [path, path + needed]
        for parameter in operation["parameters"] as? [Object] ?? [] {
            guard let name = parameter["name"] as? String else { continue }
            let schema = parameter["schema"] as? Object ?? [:]
            let values = schema["enum"] as? [String] ?? ["exit", "7", "x", ""]
            calls += values.map { path + (needed.isEmpty ? "?" : needed + "&") + "\(name)=\($0)" }
        }
        return calls
    }

    private func check(
        _ reply: HTTPReply,
        _ operation: Object,
        _ document: Object,
        _ what: Comment
    ) throws {
        let responses = try #require(operation["responses"] as? Object)
        let given = try #require(responses["\(reply.status)"] as? Object, "\(what) \(reply.status)")
        let response = resolve(given, document)
        let content = try #require(response["content"] as? Object)
        let type = try #require(reply.headers["Content-Type"]?.split(separator: ";").first)
        let media = try #require(content[String(type)] as? Object, "\(what) \(type)")
        guard type == "application/json" else { return }
        let schema = try #require(media["schema"] as? Object)
        let value = try JSONSerialization.jsonObject(with: Data(reply.body))
        #expect(problem(value, schema, document) == nil, what)
    }

    /// What does not fit the schema.
    private func problem(_ value: Any, _ schema: Object, _ document: Object) -> String? {
        let schema = resolve(schema, document)
        switch schema["type"] as? String {
        case "object":
            guard let object = value as? Object else { return "no object" }
            let properties = schema["properties"] as? Object ?? [:]
            for name in schema["required"] as? [String] ?? [] where object[name] == nil {
                return "\(name) is missing"
            }
            for (name, inner) in object {
                guard let expected = properties[name] as? Object else { return "\(name) is new" }
                if let found = problem(inner, expected, document) { return "\(name): \(found)" }
            }
            return nil
        case "array":
            guard let list = value as? [Any], let items = schema["items"] as? Object else {
                return "no list"
            }
            return list.lazy.compactMap { problem($0, items, document) }.first
        case "string":
            guard let text = value as? String else { return "no text" }
            if let values = schema["enum"] as? [String], !values.contains(text) { return text }
            if let pattern = schema["pattern"] as? String,
                text.range(of: pattern, options: .regularExpression) == nil
            {
                return text
            }
            return nil
        case "integer", "number": return value is NSNumber ? nil : "no number"
        default: return "type"
        }
    }

    private func resolve(_ object: Object, _ document: Object) -> Object {
        guard let reference = object["$ref"] as? String else { return object }
        var place: Any? = document
        for name in reference.dropFirst(2).split(separator: "/") {
            place = (place as? Object)?[String(name)]
        }
        return place as? Object ?? [:]
    }

    private func sample() throws -> [UInt8] {
        let tests = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = tests.appending(path: "SharedAuditTests/Samples/v2-shell-session.bin")
        return Array(try Data(contentsOf: file))
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

/// The page's files.
@Suite(.timeLimit(.minutes(5))) struct WebPageTests {
    @Test("the page is served only where it is switched on, with a policy, and needs no token")
    func page() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder, token: "0123456789abcdef", web: true) { auditd in
                for path in WebPage.paths {
                    let reply = try await auditd.get(path)
                    #expect(reply.status == 200)
                    #expect(reply.headers["Content-Security-Policy"] == WebPage.policy)
                    #expect(reply.headers["X-Content-Type-Options"] == "nosniff")
                    let text = String(decoding: reply.body, as: UTF8.self)
                    #expect(!text.contains("http://") && !text.contains("https://"))
                    #expect(!text.contains("innerHTML") && !text.contains("eval("))
                }
                #expect(try await auditd.get("/v1/recordings").status == 401)
            }
            try await withAuditd(in: folder) { auditd in
                let reply = try await auditd.get("/web")
                #expect(reply.status == 404)
            }
        }
    }
}
