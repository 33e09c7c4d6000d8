import Logging
import SharedConfig
import SharedHTTP
import SharedMessages
import Synchronization
import Testing
import WebhookKit

@Suite("Mock webhook", .timeLimit(.minutes(2)))
struct MockWebhookTests {
    private func post(_ url: String, _ path: String, _ body: String) async throws -> HTTPReply {
        let client = try HTTPClient(
            HTTPClientOptions(url: url, timeout: .seconds(20)),
            logger: quiet
        )
        defer { client.shutdown() }
        return try await client.send(HTTPCall(.post, path, body: Array(body.utf8)))
    }

    private func text(_ reply: HTTPReply) -> String { String(decoding: reply.body, as: UTF8.self) }

    @Test("the first reply that fits answers, with the login name filled in")
    func fits() async throws {
        let yaml = """
            replies:
              - {path: /password, user: "glob:a*", json: {hello: "${username}", n: [1, "${username}"]}}
              - {path: /password, status: 403, body: no}
            """
        try await withMock(yaml) { url in
            let first = try await post(url, "/password", #"{"username":"ada"}"#)
            #expect(text(first) == #"{"hello":"ada","n":[1,"ada"]}"#)
            #expect(first.headers["Content-Type"] == "application/json")
            let second = try await post(url, "/password", #"{"username":"bob"}"#)
            #expect(second.status == 403)
            #expect(text(second) == "no")
            #expect(try await post(url, "/else", "{}").status == 404)
        }
    }

    @Test("times and every count the requests that fit")
    func numbers() async throws {
        let yaml = """
            replies:
              - {user: a, times: 2, status: 500}
              - {user: b, every: 3, status: 500}
              - {json: {success: true}}
            """
        try await withMock(yaml) { url in
            var statuses: [Int] = []
            for name in ["a", "b", "a", "b", "a", "b", "b"] {
                statuses.append(try await post(url, "/", #"{"username":"\#(name)"}"#).status)
            }
            #expect(statuses == [500, 200, 500, 200, 200, 500, 200])
        }
    }

    @Test("a conversation goes by its states and answers")
    func conversation() async throws {
        try await withMock(Scripts.good()) { url in
            let first = try await post(url, "/keyboard-interactive", #"{"username":"alice"}"#)
            #expect(text(first).contains(#""state":"one""#))
            let right = #"{"username":"alice","state":"one","answersBase64":["MTIzNDU2"]}"#
            #expect(text(try await post(url, "/keyboard-interactive", right)).contains("true"))
            let wrong = #"{"username":"alice","state":"one","answersBase64":["MQ=="]}"#
            #expect(text(try await post(url, "/keyboard-interactive", wrong)).contains("false"))
        }
    }

    @Test("a cut reply breaks off within its body")
    func cut() async throws {
        try await withMock("replies: [{cut: true, body: 0123456789}]") { url in
            let error = await #expect(throws: CodedError.self) {
                _ = try await post(url, "/", "{}")
            }
            #expect(error?.code == .httpClientConnectionFailed)
        }
    }

    @Test("what is reported names the request and holds no password")
    func report() async throws {
        let records = Mutex<[MockWebhook.Record]>([])
        try await withMock(
            Scripts.good(),
            report: { record in records.withLock { $0.append(record) } }
        ) {
            url in
            let body = #"{"username":"alice","connectionId":"c1","passwordBase64":"c2VjcmV0"}"#
            _ = try await post(url, "/password", body)
        }
        let record = try #require(records.withLock { $0.first })
        #expect(record.path == "/password")
        #expect(record.username == "alice")
        #expect(record.connectionId == "c1")
        #expect(record.reply == 1)
        #expect(record.status == 200)
    }

    @Test(
        "a script with a mistake is refused with the place of it",
        arguments: [
            ("replies: [{status: 99}]", "status"), ("replies: [{pfad: /x}]", "pfad"),
            ("replies: [{delay: soon}]", "delay"), ("replies: [{user: 'regex:('}]", "user"),
            ("replies: [{every: 0}]", "every"),
        ]
    )
    func mistakes(_ yaml: String, _ place: String) throws {
        let error = #expect(throws: ConfigProblems.self) {
            _ = try MockScript.read(ConfigFile(path: "m.yaml", bytes: Array(yaml.utf8)))
        }
        #expect(error?.description.contains(place) == true)
    }
}
