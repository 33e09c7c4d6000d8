import InMemoryLogging
import Logging
import MetricsClient
import MetricsTestKit
import NIOPosix
import SharedModels
import SharedSSH
import Synchronization

@testable import GatewayCore

/// A connection that logs in, with its log and its counters.
struct LoginFixture {
    let state = ConnectionState(
        connectionID: String(repeating: "a", count: 32),
        remoteAddress: RemoteAddress(host: "203.0.113.7", port: 41022),
        eventLoop: MultiThreadedEventLoopGroup.singleton.next()
    )
    let layer: AuthLayer
    private let log = InMemoryLogHandler()
    private let metrics = TestMetrics()

    init(_ authenticators: Authenticators) {
        var logger = Logger(label: "auth") { [log] _ in log }
        logger.logLevel = .trace
        layer = AuthLayer(
            state: state,
            authenticators: authenticators,
            metrics: GatewayMetrics(factory: metrics),
            logger: logger,
            next: InnermostHandler()
        )
    }

    func attempt(
        _ method: AuthenticationAttempt.Method,
        as username: String = "dev"
    ) async -> AuthenticationVerdict {
        await layer.authenticate(AuthenticationAttempt(username: username, method: method))
    }

    func password(_ text: String = "pw", as username: String = "dev") async
        -> AuthenticationVerdict
    {
        await attempt(.password(Array(text.utf8)), as: username)
    }

    /// The codes of all that was logged.
    var codes: [String] { log.entries.compactMap { $0.metadata["code"]?.description } }

    /// A label of the latest line with `code`.
    func label(_ name: String, of code: String) -> String? {
        log.entries.last { $0.metadata["code"]?.description == code }?
            .metadata[name]?.description
    }

    func refusals(_ method: String, _ code: String) throws -> Int64 {
        try metrics.expectCounter(
            "berth_login_refusals_total",
            [("method", method), ("code", code)]
        ).values.reduce(0, +)
    }
}

/// A conversation whose answers the test gives.
final class FakeConversation: KeyboardInteractiveSource {
    private let answer: @Sendable (KeyboardRequest) throws -> KeyboardResponse
    private let asked = Mutex<[KeyboardRequest.Step]>([])

    init(_ answer: @escaping @Sendable (KeyboardRequest) throws -> KeyboardResponse) {
        self.answer = answer
    }

    var steps: [KeyboardRequest.Step] { asked.withLock { $0 } }

    func converse(_ request: KeyboardRequest, country: String) async throws -> KeyboardResponse {
        asked.withLock { $0.append(request.step) }
        return try answer(request)
    }
}
