import ConfigClient
import Logging
import MetricsClient
import MetricsTestKit
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels
import StubHTTPServer
import Testing

@Suite("Client of the config webhook")
struct ConfigWebhookClientTests {
    private static func request(sensitive: Bool = false) -> ConfigRequest {
        let head = AuthRequestHead(
            remoteAddress: "203.0.113.7:41022",
            connectionID: "5f0c6d1e8b7a4c3d9e2f1a0b3c4d5e6f",
            clientVersion: "SSH-2.0-x",
            username: "alice",
            carried: ConnectionMetadata(
                metadata: ["token": MetadataValue("t0p", sensitive: sensitive)]
            )
        )
        return ConfigRequest(head: head)
    }

    /// Asks a stub with short times, and hands out what came of it.
    private func ask(
        _ answers: [StubAnswer],
        sensitive: Bool = false,
        change: (inout ConfigServerConfig) -> Void = { _ in }
    ) async throws -> (
        result: Result<ConfigResponse, any Error>, requests: [StubRequest], metrics: TestMetrics
    ) {
        let metrics = TestMetrics()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try await StubHTTPServer.run { _, index in
            answers[min(index, answers.count - 1)]
        } _: { url, stub in
            var config = ConfigServerConfig()
            config.client.url = url + "/config"
            config.retryInterval = .milliseconds(10)
            change(&config)
            let http = try HTTPClient(HTTPClientOptions(config.client), logger: logger)
            defer { http.shutdown() }
            let client = ConfigWebhookClient(
                config,
                http: http,
                metrics: GatewayMetrics(factory: metrics),
                logger: logger
            )
            let result: Result<ConfigResponse, any Error>
            do {
                result = .success(try await client.ask(Self.request(sensitive: sensitive)))
            } catch {
                result = .failure(error)
            }
            return (result, stub.requests, metrics)
        }
    }

    private func value(_ metrics: TestMetrics, _ name: String, _ labels: [(String, String)])
        -> Int64
    {
        let counter = try? metrics.expectCounter(name, labels)
        return counter?.totalValue ?? 0  // a series nobody counted in does not exist
    }

    @Test("a question is one POST to the URL as it is configured")
    func posts() async throws {
        let (result, requests, metrics) = try await ask([
            .json(#"{"config":{"backend":"docker"}}"#)
        ])
        #expect(try result.get().config == ["backend": "docker"])
        #expect(requests.count == 1)
        #expect(requests.first?.method == "POST")
        #expect(requests.first?.path == "/config")
        #expect(requests.first?.headers["content-type"] == "application/json")
        #expect(requests.first?.headers["accept"] == "application/json")
        #expect(requests.first?.body.contains(#""username":"alice""#) == true)
        #expect(
            value(metrics, "containerssh_config_server_requests_total", [("retry", "0")]) == 1
        )
    }

    @Test(
        "what may pass is asked again",
        arguments: [
            (StubAnswer.json("{}", status: 500), "CONFIG_INVALID_STATUS_CODE"),
            (.json("{}", status: 204), "CONFIG_INVALID_STATUS_CODE"),
            (.json("{}", status: 429), "CONFIG_INVALID_STATUS_CODE"),
            (.hangUp, "HTTP_CLIENT_CONNECTION_FAILED"),
            (.json("<html>"), "HTTP_CLIENT_DECODE_FAILED"),
            (.json(#"{"config":7}"#), "HTTP_CLIENT_DECODE_FAILED"),
        ]
    )
    func retries(first: StubAnswer, reason: String) async throws {
        let (result, requests, metrics) = try await ask([first, .json("{}")])
        #expect(try result.get() == ConfigResponse())
        #expect(requests.count == 2)
        #expect(
            value(metrics, "containerssh_config_server_requests_total", [("retry", "1")]) == 1
        )
        let labels = [("type", "soft"), ("retry", "0"), ("reason", reason)]
        #expect(value(metrics, "containerssh_config_server_failures_total", labels) == 1)
    }

    @Test("a status 4xx is an answer and is not asked again", arguments: [400, 403, 404, 422])
    func final(status: Int) async throws {
        let (result, requests, metrics) = try await ask([
            .json(#"{"code":"X","message":"y"}"#, status: status)
        ])
        let error = try #require(throws: CodedError.self) { try result.get() }
        #expect(error.code == .configBackendError)
        #expect((error.cause as? CodedError)?.code == .configInvalidStatusCode)
        #expect(requests.count == 1)
        let labels = [
            ("type", "hard"), ("retry", "0"), ("reason", "CONFIG_INVALID_STATUS_CODE"),
        ]
        #expect(value(metrics, "containerssh_config_server_failures_total", labels) == 1)
    }

    @Test("the tries end when their time is used up")
    func givesUp() async throws {
        let (result, requests, metrics) = try await ask([.json("{}", status: 503)]) {
            $0.retryTimeout = .seconds(2)
            $0.retryInterval = .milliseconds(20)
        }
        let error = try #require(throws: CodedError.self) { try result.get() }
        #expect(error.code == .configBackendError)
        #expect(requests.count > 1)
        // The last try may be cut short by the end of the time.
        let reasons = ["CONFIG_INVALID_STATUS_CODE", "HTTP_CLIENT_CONNECTION_FAILED"]
        let givenUp = reasons.map { reason in
            let labels = [("type", "hard"), ("retry", "1"), ("reason", reason)]
            return value(metrics, "containerssh_config_server_failures_total", labels)
        }
        #expect(givenUp.reduce(0, +) == 1)
    }

    @Test("a silent server costs no more than the time for all tries")
    func silence() async throws {
        let start = ContinuousClock.now
        let (result, _, _) = try await ask([.silence]) {
            $0.client.timeout = .seconds(60)
            $0.retryTimeout = .milliseconds(200)
        }
        #expect(throws: CodedError.self) { try result.get() }
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test("a cancelled question ends at once")
    func cancellation() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await StubHTTPServer.run { _, _ in
            .json("{}", status: 500)
        } _: { url, stub in
            var config = ConfigServerConfig()
            config.client.url = url
            config.retryInterval = .seconds(600)
            config.retryTimeout = .seconds(6000)
            let http = try HTTPClient(HTTPClientOptions(config.client), logger: logger)
            defer { http.shutdown() }
            let client = ConfigWebhookClient(
                config,
                http: http,
                metrics: GatewayMetrics(factory: TestMetrics()),
                logger: logger
            )
            let task = Task { try await client.ask(Self.request()) }
            let deadline = ContinuousClock.now + .seconds(90)
            while stub.requests.isEmpty, ContinuousClock.now < deadline { await Task.yield() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("sensitive metadata stays here unless its transmission is configured")
    func sensitive() async throws {
        let kept = try await ask([.json("{}")], sensitive: true)
        #expect(kept.requests.first?.body.contains("t0p") == false)
        let sent = try await ask([.json("{}")], sensitive: true) {
            $0.transmitSensitiveMetadata = true
        }
        #expect(sent.requests.first?.body.contains("t0p") == true)
        let open = try await ask([.json("{}")])
        #expect(open.requests.first?.body.contains("t0p") == true)
    }

    @Test("text behind the reply's object is ignored")
    func trailing() async throws {
        let (result, _, _) = try await ask([.json("{}\n{\"x\":1}")])
        #expect(try result.get() == ConfigResponse())
    }
}
