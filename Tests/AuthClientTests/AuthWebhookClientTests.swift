import AuthClient
import CoreMetrics
import InMemoryLogging
import Logging
import MetricsClient
import MetricsTestKit
import SharedConfig
import SharedMessages
import SharedModels
import StubHTTPServer
import Testing

@Suite("Auth webhook client", .timeLimit(.minutes(5)))
struct AuthWebhookClientTests {
    private let metrics = TestMetrics()
    private let log = InMemoryLogHandler()

    private static let question = AuthRequest(
        head: AuthRequestHead(
            remoteAddress: "127.0.0.1:1",
            connectionID: "00",
            clientVersion: "SSH-2.0-Test",
            username: "alice"
        ),
        question: .password(Array("hunter2".utf8))
    )

    private func client(
        _ url: String,
        authTimeout: Duration = .seconds(20),
        timeout: Duration = .seconds(10)
    ) throws -> AuthWebhookClient {
        var config = AuthWebhookConfig()
        config.client = HTTPClientConfig(url: url)
        config.client.timeout = timeout
        config.authTimeout = authTimeout
        config.retryInterval = .milliseconds(10)
        var logger = Logger(label: "auth") { [log] _ in log }
        logger.logLevel = .debug
        return try AuthWebhookClient(
            config,
            metrics: GatewayMetrics(factory: metrics),
            logger: logger
        )
    }

    private func count(_ name: String, _ labels: [(String, String)]) throws -> Int64 {
        try metrics.expectCounter("containerssh_auth_" + name, labels).values.reduce(0, +)
    }

    private var codes: [String] {
        log.entries.compactMap { $0.metadata["code"]?.description }
    }

    @Test(
        "asks each question under its own path",
        arguments: [
            (AuthQuestion.password([1]), "/password"), (.publicKey("ssh-ed25519 AAAA"), "/pubkey"),
            (.authorization(authenticatedUsername: "a"), "/authz"),
        ]
    )
    func paths(_ question: AuthQuestion, _ path: String) async throws {
        let yes = #"{"success":true}"#
        try await StubHTTPServer.run({ _, _ in .json(yes) }) { url, stub async throws in
            let request = AuthRequest(head: Self.question.head, question: question)
            _ = try await client(url).decide(request)
            let sent = try #require(stub.requests.first)
            #expect(sent.path == path)
            #expect(sent.method == "POST")
            #expect(sent.headers["content-type"] == "application/json")
            #expect(sent.body == String(decoding: request.json, as: UTF8.self))
        }
    }

    @Test("passes on identity and metadata of an acceptance, and counts it")
    func accepted() async throws {
        let body = #"{"success":true,"authenticatedUsername":"a","metadata":{"t":{"value":"r"}}}"#
        try await StubHTTPServer.run({ _, _ in .json(body) }) { url, _ async throws in
            let answer = try await client(url).decide(Self.question, country: "DE")
            #expect(answer.success)
            #expect(answer.authenticatedUsername == "a")
            #expect(answer.carried.metadata == ["t": MetadataValue("r")])
        }
        let labels = [("authtype", "password"), ("retry", "0")]
        #expect(try count("server_requests_total", labels) == 1)
        #expect(try count("success_total", labels + [("country", "DE")]) == 1)
        #expect(codes.contains("AUTH"))
        #expect(codes.contains("AUTH_SUCCESSFUL"))
    }

    @Test(
        "a refusal is final and leaves nothing behind",
        arguments: [
            StubAnswer.json(#"{"success":false,"metadata":{"t":{"value":"r"}}}"#),
            .json(#"{"success":true}"#, status: 401), .reply(status: 404, body: "<html>"),
            .reply(status: 429),
        ]
    )
    func refused(_ answer: StubAnswer) async throws {
        try await StubHTTPServer.run({ _, _ in answer }) { url, stub async throws in
            let found = try await client(url).decide(Self.question)
            #expect(found == AuthResponse(success: false))
            #expect(stub.requests.count == 1)
        }
        let labels = [("authtype", "password"), ("retry", "0"), ("country", "XX")]
        #expect(try count("failures_total", labels) == 1)
        #expect(codes.contains("AUTH_FAILED"))
    }

    @Test(
        "failures are tried again until there is an answer",
        arguments: [
            (StubAnswer.hangUp, "HTTP_CLIENT_CONNECTION_FAILED"),
            (.json(#"{"success":true}"#, status: 500), "AUTH_INVALID_STATUS"),
            (.reply(status: 200, body: "<html>"), "HTTP_CLIENT_DECODE_FAILED"),
            (.reply(status: 200, body: ""), "HTTP_CLIENT_DECODE_FAILED"),
        ]
    )
    func retried(_ failure: StubAnswer, _ reason: String) async throws {
        try await StubHTTPServer.run({ _, index in
            index < 3 ? failure : .json(#"{"success":true}"#)
        }) { url, stub async throws in
            #expect(try await client(url).decide(Self.question).success)
            #expect(stub.requests.count == 4)
        }
        let soft = [("type", "soft"), ("authtype", "password")]
        let cause = [("reason", reason)]
        #expect(try count("server_failures_total", soft + [("retry", "0")] + cause) == 1)
        #expect(try count("server_failures_total", soft + [("retry", "1")] + cause) == 2)
        let retries = [("authtype", "password"), ("retry", "1")]
        #expect(try count("server_requests_total", retries) == 3)
        #expect(codes.filter { $0 == "AUTH_BACKEND_ERROR" }.count == 3)
    }

    @Test(
        "gives up when the time is over, even when a call hangs",
        arguments: [
            StubAnswer.silence, .hangUp,
        ]
    )
    func gaveUp(_ answer: StubAnswer) async throws {
        try await StubHTTPServer.run({ _, _ in answer }) { url, _ async throws in
            let client = try client(url, authTimeout: .milliseconds(200))
            let start = ContinuousClock.now
            let error = await #expect(throws: CodedError.self) {
                _ = try await client.decide(Self.question)
            }
            #expect(ContinuousClock.now - start < .seconds(60))
            #expect(error?.code == .authBackendError)
            let cause = error?.cause as? CodedError
            #expect(cause?.code == .httpClientConnectionFailed)
        }
        #expect(log.entries.contains { $0.level == .error })
    }

    @Test(
        "what another try cannot mend is not tried again",
        arguments: [
            (
                StubAnswer.reply(status: 307, headers: ["Location": "/x"]),
                MessageCode.httpClientRedirectsDisabled
            ),
            (.reply(status: 204), .authInvalidStatus),
            (.json("{}", status: 201), .authInvalidStatus),
        ]
    )
    func hopeless(_ answer: StubAnswer, _ code: MessageCode) async throws {
        try await StubHTTPServer.run({ _, _ in answer }) { url, stub async throws in
            let client = try client(url)
            let error = await #expect(throws: CodedError.self) {
                _ = try await client.decide(Self.question)
            }
            #expect(error?.code == .authBackendError)
            #expect((error?.cause as? CodedError)?.code == code)
            #expect(stub.requests.count == 1)
        }
        let hard = [("type", "hard"), ("authtype", "password"), ("retry", "0")]
        #expect(try count("server_failures_total", hard + [("reason", code.id)]) == 1)
    }

    @Test("stops at once when the SSH client is gone")
    func cancelled() async throws {
        try await StubHTTPServer.run({ _, _ in .silence }) { url, stub async throws in
            let client = try client(url)
            let task = Task { try await client.decide(Self.question) }
            let deadline = ContinuousClock.now + .seconds(90)
            while stub.requests.isEmpty, ContinuousClock.now < deadline { await Task.yield() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("never writes the password into the log")
    func passwordStaysSecret() async throws {
        try await StubHTTPServer.run({ _, index in
            index == 0 ? .reply(status: 500, body: "hunter2") : .json(#"{"success":false}"#)
        }) { url, _ async throws in
            _ = try await client(url).decide(Self.question)
        }
        for entry in log.entries {
            let text = "\(entry.message) \(entry.metadata)"
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("aHVudGVyMg"))
        }
    }
}
