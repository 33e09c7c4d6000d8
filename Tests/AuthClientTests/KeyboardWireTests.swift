import AuthClient
import Foundation
import InMemoryLogging
import Logging
import MetricsClient
import MetricsTestKit
import SharedConfig
import SharedMessages
import SharedModels
import StubHTTPServer
import Testing

@Suite("Conversations with the auth webhook", .timeLimit(.minutes(5)))
struct KeyboardWireTests {
    private static let head = AuthRequestHead(
        remoteAddress: "127.0.0.1:1",
        connectionID: "00",
        clientVersion: "SSH-2.0-Test",
        username: "alice"
    )

    private func client(_ url: String, _ metrics: TestMetrics = TestMetrics()) throws
        -> AuthWebhookClient
    {
        var config = AuthWebhookConfig()
        config.client = HTTPClientConfig(url: url)
        config.client.timeout = .seconds(10)
        config.authTimeout = .seconds(1)
        config.retryInterval = .milliseconds(10)
        return try AuthWebhookClient(
            config,
            metrics: GatewayMetrics(factory: metrics),
            logger: Logger(label: "auth")
        )
    }

    @Test("a request begins with the keys of every other question")
    func request() {
        let begin = KeyboardRequest(head: Self.head, step: .begin(devices: "otp"))
        let head =
            #"{"remoteAddress":"127.0.0.1:1","connectionId":"00","clientVersion":"SSH-2.0-Test","#
            + #""username":"alice""#
        #expect(String(decoding: begin.json, as: UTF8.self) == head + ",\"devices\":\"otp\"}\n")
        let answers = KeyboardRequest(
            head: Self.head,
            step: .answers([[1, 0xFF], []], state: "s")
        )
        #expect(
            String(decoding: answers.json, as: UTF8.self)
                == head + ",\"state\":\"s\",\"answersBase64\":[\"Af8=\",\"\"]}\n"
        )
    }

    @Test(
        "a server reads what the gateway writes",
        arguments: [
            .begin(devices: ""), .begin(devices: "a,b"), .answers([], state: ""),
            .answers([Array("x".utf8), [0xFF]], state: "<opaque>"),
        ] as [KeyboardRequest.Step]
    )
    func roundTrip(_ step: KeyboardRequest.Step) throws {
        let request = KeyboardRequest(head: Self.head, step: step)
        let read = try JSONDecoder().decode(KeyboardRequestBody.self, from: Data(request.json))
        #expect(read.request == request)
    }

    @Test(
        "a gateway reads what a server writes",
        arguments: [
            .verdict(AuthResponse(success: true, authenticatedUsername: "a")),
            .verdict(AuthResponse(success: false)),
            .round(
                KeyboardRound(
                    name: "n",
                    instruction: "i",
                    prompts: [.init("p", echo: true), .init("q")],
                    state: "s"
                )
            ), .round(KeyboardRound()),
        ] as [KeyboardResponse]
    )
    func response(_ response: KeyboardResponse) throws {
        let body = try JSONEncoder().encode(KeyboardResponseBody(response))
        let read = try JSONDecoder().decode(KeyboardResponseBody.self, from: body)
        #expect(read.response == response)
    }

    @Test("a success is one, whatever challenge stands beside it")
    func successWins() throws {
        let text = #"{"success":true,"challenge":{"prompts":[{"prompt":"x"}]},"new":[1]}"#
        let read = try JSONDecoder().decode(KeyboardResponseBody.self, from: Data(text.utf8))
        #expect(read.response == .verdict(AuthResponse(success: true)))
    }

    @Test(
        "a round that no client could show is a broken answer",
        arguments: [
            #"{"prompts":[{"prompt":""}]}"#, #"{"prompts":[{"echo":true}]}"#, #"{"prompts":5}"#,
            "{\"prompts\":["
                + Array(repeating: #"{"prompt":"x"}"#, count: 17).joined(separator: ",")
                + "]}",
            #"{"instruction":""# + String(repeating: "x", count: 16 * 1024 + 1) + #""}"#,
            #"{"state":""# + String(repeating: "x", count: 64 * 1024 + 1) + #""}"#,
        ]
    )
    func brokenRound(_ challenge: String) async throws {
        let body = #"{"success":false,"challenge":"# + challenge + "}"
        try await StubHTTPServer.run({ _, _ in .json(body) }) { url, stub async throws in
            let request = KeyboardRequest(head: Self.head, step: .begin(devices: ""))
            let error = await #expect(throws: CodedError.self) {
                try await client(url).converse(request)
            }
            #expect(error?.code == .authBackendError)
            #expect(!stub.requests.isEmpty)
        }
    }

    @Test("each step is asked under its path; the verdict is counted, the round is not")
    func counted() async throws {
        let metrics = TestMetrics()
        try await StubHTTPServer.run { _, index in
            .json(
                index == 0
                    ? #"{"success":false,"challenge":{"state":"s"}}"# : #"{"success":false}"#
            )
        } _: { url, stub async throws in
            let client = try client(url, metrics)
            let begin = KeyboardRequest(head: Self.head, step: .begin(devices: ""))
            #expect(try await client.converse(begin) == .round(KeyboardRound(state: "s")))
            let next = KeyboardRequest(head: Self.head, step: .answers([], state: "s"))
            #expect(
                try await client.converse(next) == .verdict(AuthResponse(success: false))
            )
            #expect(
                stub.requests.map(\.path) == ["/keyboard-interactive", "/keyboard-interactive"]
            )
            let labels = [("authtype", "keyboard-interactive"), ("retry", "0")]
            let asked = try metrics.expectCounter("containerssh_auth_server_requests_total", labels)
            #expect(asked.values.reduce(0, +) == 2)
            let refused = try metrics.expectCounter(
                "containerssh_auth_failures_total",
                labels + [("country", "XX")]
            )
            #expect(refused.values.reduce(0, +) == 1)
        }
    }

    @Test("a status of 4xx is a refusal")
    func refusal() async throws {
        try await StubHTTPServer.run({ _, _ in .reply(status: 403) }) { url, stub async throws in
            let request = KeyboardRequest(head: Self.head, step: .begin(devices: ""))
            let answer = try await client(url).converse(request)
            #expect(answer == .verdict(AuthResponse(success: false)))
            #expect(stub.requests.count == 1)
        }
    }
}
