import AuthClient
import InMemoryLogging
import Logging
import MetricsClient
import MetricsTestKit
import SharedConfig
import SharedMessages
import SharedModels
import StubHTTPServer
import Synchronization
import Testing

@Suite("Auth webhook client and its breaker", .timeLimit(.minutes(2)))
struct BreakerTests {
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
        pause: Duration,
        retryInterval: Duration = .milliseconds(10)
    ) throws -> AuthWebhookClient {
        var config = AuthWebhookConfig()
        config.client = HTTPClientConfig(url: url)
        config.client.timeout = .seconds(20)
        config.authTimeout = .seconds(40)
        config.retryInterval = retryInterval
        config.breaker.failures = 3
        config.breaker.pause = pause
        var logger = Logger(label: "auth") { [log] _ in log }
        logger.logLevel = .debug
        return try AuthWebhookClient(
            config,
            metrics: GatewayMetrics(factory: TestMetrics()),
            logger: logger
        )
    }

    private func count(_ code: MessageCode) -> Int {
        log.entries.count { $0.metadata["code"]?.description == code.id }
    }

    @Test("while calls are held back, a new question fails at once and nothing is sent")
    func failsAtOnce() async throws {
        try await StubHTTPServer.run({ _, _ in .reply(status: 500) }) { url, stub async throws in
            // With a pause that long between two tries, each question is one call.
            let client = try client(url, pause: .seconds(3600), retryInterval: .seconds(3600))
            for _ in 0..<3 {
                await #expect(throws: CodedError.self) {
                    _ = try await client.decide(Self.question)
                }
            }
            #expect(stub.requests.count == 3)
            let error = await #expect(throws: CodedError.self) {
                _ = try await client.decide(Self.question)
            }
            #expect(error?.code == .authBackendError)
            #expect((error?.cause as? CodedError)?.code == .webhookNotAsked)
            #expect(stub.requests.count == 3)
        }
        #expect(count(.webhookPaused) == 1)
    }

    @Test("a question that was asked before waits, and is answered when the webhook is back")
    func waits() async throws {
        try await StubHTTPServer.run({ _, index in
            index < 5 ? .reply(status: 503) : .json(#"{"success":true}"#)
        }) { url, stub async throws in
            let client = try client(url, pause: .milliseconds(20))
            #expect(try await client.decide(Self.question).success)
            #expect(stub.requests.count == 6)
            #expect(try await client.decide(Self.question).success)
        }
        #expect(count(.webhookPaused) == 1)
        #expect(count(.webhookResumed) == 1)
    }

    @Test("a refusal is an answer: it never opens the breaker")
    func refusals() async throws {
        try await StubHTTPServer.run({ _, index in
            index.isMultiple(of: 2) ? .reply(status: 403) : .json(#"{"success":false}"#)
        }) { url, stub async throws in
            let client = try client(url, pause: .seconds(3600))
            for _ in 0..<10 { #expect(try await !client.decide(Self.question).success) }
            #expect(stub.requests.count == 10)
        }
        #expect(count(.webhookPaused) == 0)
    }

    @Test("one error in a hundred calls is mended by asking again; everybody is answered")
    func fewErrors() async throws {
        try await StubHTTPServer.run({ _, index in
            index % 100 == 42 ? .hangUp : .json(#"{"success":true}"#)
        }) { url, stub async throws in
            let client = try client(url, pause: .seconds(3600))
            let accepted = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<100 {
                            guard try await client.decide(Self.question).success else {
                                return false
                            }
                        }
                        return true
                    }
                }
                return try await group.reduce(true) { $0 && $1 }
            }
            #expect(accepted)
            #expect(stub.requests.count >= 808)
        }
        #expect(count(.webhookPaused) == 0)
    }

    @Test("a refusal's reason is passed on, and nothing else of it")
    func reason() async throws {
        let body =
            #"{"success":false,"reason":"Come back on Monday.","metadata":{"a":{"value":"b"}}}"#
        try await StubHTTPServer.run({ _, _ in .json(body) }) { url, _ async throws in
            let answer = try await client(url, pause: .seconds(1)).decide(Self.question)
            #expect(answer == AuthResponse(success: false, reason: "Come back on Monday."))
        }
    }

    @Test(
        "a reason of another type is somebody else's key",
        arguments: [#"{"success":true,"reason":7}"#, #"{"success":true,"reason":{"a":1}}"#]
    )
    func foreignReason(_ body: String) async throws {
        try await StubHTTPServer.run({ _, _ in .json(body) }) { url, _ async throws in
            #expect(try await client(url, pause: .seconds(1)).decide(Self.question).success)
        }
    }
}
