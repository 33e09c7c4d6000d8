package import Logging
package import MetricsClient
package import SharedConfig
package import SharedHTTP
import SharedLogging
import SharedMessages
import SharedModels

/// Who answers what a person gets.
package protocol ConfigWebhook: Sendable {
    /// Throws a `CodedError` when no answer can be had, `CancellationError` when it is cancelled;
    /// `logger` is that of the connection.
    func ask(_ request: ConfigRequest, logger: Logger?) async throws -> ConfigResponse
}

/// Asks the config webhook what a person gets.
package struct ConfigWebhookClient: ConfigWebhook {
    private let config: ConfigServerConfig
    private let http: HTTPClient
    private let breaker: CircuitBreaker
    private let metrics: GatewayMetrics
    private let logger: Logger

    /// `http` calls the URL of `config`; whoever made it ends it.
    package init(
        _ config: ConfigServerConfig,
        http: HTTPClient,
        metrics: GatewayMetrics,
        logger: Logger
    ) {
        self.config = config
        self.http = http
        breaker = CircuitBreaker(config.breaker)
        self.metrics = metrics
        self.logger = logger
    }

    /// Asks until there is an answer, or the time for all tries is used up.
    ///
    /// A status 4xx is an answer: it is not asked again. What the reply's `config` means is not
    /// judged here. `logger` replaces the client's for this question.
    ///
    /// Throws a `CodedError` with code `CONFIG_BACKEND_ERROR` whose cause says why, or
    /// `CancellationError` at once when its task is cancelled.
    package func ask(
        _ request: ConfigRequest,
        logger: Logger? = nil
    ) async throws -> ConfigResponse {
        let logger = logger ?? self.logger
        let body = body(of: request)
        let deadline = ContinuousClock.now + config.retryTimeout
        var calls = 0
        var failure = CodedError(.webhookNotAsked)
        while true {
            let isRetry = calls > 0
            if breaker.admits(at: .now) {
                calls += 1
                do throws(AttemptFailure) {
                    return try await attempt(body, isRetry, deadline, logger)
                } catch {
                    guard case .failed(let reason) = error else { throw CancellationError() }
                    failure = reason
                }
                metrics.configUnanswered(.soft, isRetry: isRetry, reason: failure.code.id)
            }
            let reason = failure.code.id
            let isLate = ContinuousClock.now + config.retryInterval >= deadline
            guard failure.isRetryable, !isLate else {
                metrics.configUnanswered(.hard, isRetry: isRetry, reason: reason)
                throw CodedError(.configBackendError, cause: failure)
            }
            logger.emit(.configBackendError, ["reason": .string(reason)], level: .debug)
            try await Task.sleep(for: config.retryInterval)
        }
    }

    private enum AttemptFailure: Error {
        case cancelled
        case failed(CodedError)
    }

    private func body(of request: ConfigRequest) -> [UInt8] {
        Array((request.sent(to: config).tree.json + "\n").utf8)
    }

    /// The URL is called as it is; one that names a socket has no room for a path.
    private var path: String {
        config.client.url.hasPrefix("unix://") ? ConfigRoutes.config : ""
    }

    private func attempt(
        _ body: [UInt8],
        _ isRetry: Bool,
        _ deadline: ContinuousClock.Instant,
        _ logger: Logger
    ) async throws(AttemptFailure) -> ConfigResponse {
        metrics.configAsked(isRetry: isRetry)
        logger.emit(.configRequest)
        let left = ContinuousClock.now.duration(to: deadline)
        var call = HTTPCall(
            .post,
            path,
            headers: ["Content-Type": "application/json", "Accept": "application/json"],
            body: body,
            timeLimit: .total(min(config.client.timeout, max(left, .milliseconds(1))))
        )
        call.route = ConfigRoutes.config
        let labels: Logger.Metadata = ["webhook": "config"]
        do {
            let reply = try await http.send(call, logger: logger)
            logger.emit(.configResponse, ["statusCode": .stringConvertible(reply.status)])
            let response = try decode(reply)
            logger.emit(breaker.succeeded(), labels, pause: breaker.pause)
            return response
        } catch let error as CodedError {
            // A final answer is one: the webhook works, and says no.
            let change = error.isRetryable ? breaker.failed(at: .now) : breaker.succeeded()
            logger.emit(change, labels, pause: breaker.pause)
            throw .failed(error)
        } catch {
            throw .cancelled
        }
    }

    private func decode(_ reply: HTTPReply) throws(CodedError) -> ConfigResponse {
        guard reply.status == 200 else {
            var detail = "status \(reply.status)"
            if let refusal = reply.refusal { detail += ", \(refusal.code): \(refusal.message)" }
            // Request Timeout and Too Many Requests ask for another try (RFC 9110, RFC 6585).
            let isFinal = (400...499).contains(reply.status) && ![408, 429].contains(reply.status)
            throw CodedError(.configInvalidStatusCode, detail: detail, isRetryable: !isFinal)
        }
        do throws(ConfigProblems) {
            let tree = try JSONTree.parse(reply.body, allowsMore: true).tree
            return try ConfigResponse(tree, emptyValues: config.emptyValues)
        } catch {
            throw CodedError(
                .httpClientDecodeFailed,
                detail: error.description,
                isRetryable: true
            )
        }
    }
}
