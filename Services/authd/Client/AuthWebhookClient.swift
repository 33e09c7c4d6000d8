package import Logging
package import MetricsClient
package import SharedConfig
import SharedHTTP
import SharedLogging
package import SharedMessages
package import SharedModels

/// Asks an authentication webhook, authd or any other server of the contract, who somebody is.
///
/// One for each configured method. An answer with status 200 is a verdict; one with 4xx is a
/// refusal. Everything else is a failure: broken connections, 5xx and bodies that cannot be read
/// are tried again every `retryInterval` until `authTimeout` is over, other statuses and redirects
/// are not.
package final class AuthWebhookClient: Sendable {
    private let http: HTTPClient
    private let timeout: Duration
    private let authTimeout: Duration
    private let retryInterval: Duration
    private let metrics: GatewayMetrics
    private let logger: Logger

    /// Reads the certificate files that `config` names, so it blocks; call it at start-up.
    ///
    /// Throws a `CodedError` (`HTTP_CLIENT_…`) when URL or certificates cannot be used.
    package init(
        _ config: AuthWebhookConfig,
        metrics: GatewayMetrics,
        logger: Logger
    ) throws(CodedError) {
        http = try HTTPClient(try HTTPClientOptions(config.client), logger: logger)
        timeout = config.client.timeout
        authTimeout = config.authTimeout
        retryInterval = config.retryInterval
        self.metrics = metrics
        self.logger = logger
    }

    /// Closes all connections; questions under way fail.
    package func shutdown() { http.shutdown() }

    /// Asks until there is an answer or the time is over.
    ///
    /// A refusal is an answer: `success` is false, and nothing else of it is passed on. Throws a
    /// `CodedError` with code `AUTH_BACKEND_ERROR`, whose cause says why, when nobody answered,
    /// and `CancellationError` as soon as the task is cancelled. `country` is a label of the
    /// metrics.
    package func decide(
        _ request: AuthRequest,
        country: String = GatewayMetrics.unknownCountry
    ) async throws -> AuthResponse {
        let type = GatewayMetrics.AuthType(AuthRoute(request.question))
        let deadline = ContinuousClock.now + authTimeout
        let body = request.json
        var isRetry = false
        while true {
            metrics.authAsked(type, isRetry: isRetry)
            logger.emit(.auth, labels(request))
            do {
                let response = try await ask(request, body, until: deadline)
                report(response, request, type, isRetry: isRetry, country)
                return response
            } catch let failure as CodedError {
                let reason = failure.code.id
                metrics.authUnanswered(type, .soft, isRetry: isRetry, reason: reason)
                guard failure.isRetryable, ContinuousClock.now + retryInterval < deadline else {
                    metrics.authUnanswered(type, .hard, isRetry: isRetry, reason: reason)
                    throw gaveUp(request, failure)
                }
                logger.emit(
                    CodedError(.authBackendError, detail: "will try again", cause: failure),
                    labels(request),
                    level: .debug
                )
            }
            try await Task.sleep(for: retryInterval)
            isRetry = true
        }
    }

    private func ask(
        _ request: AuthRequest,
        _ body: [UInt8],
        until deadline: ContinuousClock.Instant
    ) async throws -> AuthResponse {
        let limit = max(min(timeout, deadline - .now), .milliseconds(1))
        let call = HTTPCall(
            .post,
            AuthRoute(request.question).rawValue,
            headers: ["Content-Type": "application/json", "Accept": "application/json"],
            body: body,
            timeLimit: .total(limit)
        )
        var logger = logger
        logger[metadataKey: LogLabel.connectionId] = .string(request.head.connectionID)
        return try verdict(try await http.send(call, logger: logger))
    }

    private func verdict(_ reply: HTTPReply) throws(CodedError) -> AuthResponse {
        switch reply.status {
        case 200:
            do {
                let response = try reply.decode(AuthResponseBody.self).response
                return response.success ? response : AuthResponse(success: false)
            } catch {
                throw CodedError(error.code, detail: error.detail, isRetryable: true)
            }
        case 400...499:
            return AuthResponse(success: false)
        default:
            throw CodedError(
                .authInvalidStatus,
                detail: "status \(reply.status)",
                isRetryable: reply.status >= 500
            )
        }
    }

    private func report(
        _ response: AuthResponse,
        _ request: AuthRequest,
        _ type: GatewayMetrics.AuthType,
        isRetry: Bool,
        _ country: String
    ) {
        metrics.authAnswered(
            type,
            success: response.success,
            isRetry: isRetry,
            country: country
        )
        logger.emit(response.success ? .authSuccessful : .authFailed, labels(request))
    }

    private func gaveUp(_ request: AuthRequest, _ failure: CodedError) -> CodedError {
        let error = CodedError(.authBackendError, cause: failure, isRetryable: true)
        logger.emit(error, labels(request))
        return error
    }

    private func labels(_ request: AuthRequest) -> Logger.Metadata {
        [
            LogLabel.connectionId: .string(request.head.connectionID),
            LogLabel.username: .string(request.head.username),
        ]
    }
}

extension GatewayMetrics.AuthType {
    fileprivate init(_ route: AuthRoute) {
        switch route {
        case .password: self = .password
        case .publicKey: self = .publicKey
        case .authorization: self = .authorization
        }
    }
}
