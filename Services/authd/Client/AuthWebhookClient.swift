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
/// are not. While the breaker holds calls back, a new question fails at once; one that was asked
/// before waits for its next try within its time.
package final class AuthWebhookClient: Sendable {
    private let http: HTTPClient
    private let timeout: Duration
    private let authTimeout: Duration
    private let retryInterval: Duration
    private let breaker: CircuitBreaker
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
        breaker = CircuitBreaker(config.breaker)
        self.metrics = metrics
        self.logger = logger
    }

    /// Closes all connections; questions under way fail.
    package func shutdown() { http.shutdown() }

    /// Asks until there is an answer or the time is over.
    ///
    /// A refusal is an answer: `success` is false, and only its reason is passed on. Throws a
    /// `CodedError` with code `AUTH_BACKEND_ERROR`, whose cause says why, when nobody answered,
    /// and `CancellationError` as soon as the task is cancelled. `country` is a label of the
    /// metrics.
    package func decide(
        _ request: AuthRequest,
        country: String = GatewayMetrics.unknownCountry
    ) async throws -> AuthResponse {
        try await decide(request, country: country, within: authTimeout)
    }

    /// As `decide(_:country:)`, with a time for all tries that may be shorter than the configured
    /// one.
    package func decide(
        _ request: AuthRequest,
        country: String,
        within patience: Duration
    ) async throws -> AuthResponse {
        let route = AuthRoute(request.question)
        let question = Question(
            path: route.rawValue,
            body: request.json,
            head: request.head,
            type: GatewayMetrics.AuthType(route)
        )
        let answer = try await ask(question, patience) { reply throws(CodedError) in
            try reply.decode(AuthResponseBody.self).response
        }
        return finish(question, answer, country)
    }

    /// Takes one step of a conversation, as `decide` asks a question.
    package func converse(
        _ request: KeyboardRequest,
        country: String = GatewayMetrics.unknownCountry
    ) async throws -> KeyboardResponse {
        let question = Question(
            path: KeyboardRequest.path,
            body: request.json,
            head: request.head,
            type: .keyboardInteractive
        )
        let answer = try await ask(question, authTimeout) { reply throws(CodedError) in
            try reply.decode(KeyboardResponseBody.self).response
        }
        if case .round = answer.response { return answer.response }
        return .verdict(finish(question, answer, country))
    }

    /// Takes one step of a Kerberos login. A step is sent once: who has seen a token refuses it
    /// when it comes again.
    package func negotiate(
        _ request: GSSAPIRequest,
        country: String = GatewayMetrics.unknownCountry
    ) async throws -> GSSAPIResponse {
        let question = Question(
            path: GSSAPIRequest.path,
            body: request.json,
            head: request.head,
            type: .gssapi,
            isRepeatable: false
        )
        let answer = try await ask(question, authTimeout) { reply throws(CodedError) in
            try reply.decode(GSSAPIResponseBody.self).response
        }
        if case .goesOn = answer.response { return answer.response }
        return .verdict(finish(question, answer, country))
    }

    // MARK: - Asking

    private struct Question {
        let path: String
        let body: [UInt8]
        let head: AuthRequestHead
        let type: GatewayMetrics.AuthType
        /// Whether it may be asked again when no answer came.
        var isRepeatable = true

        var labels: Logger.Metadata {
            [
                LogLabel.connectionId: .string(head.connectionID),
                LogLabel.username: .string(head.username),
            ]
        }
    }

    private struct Answer<Response: BearsVerdict> {
        let response: Response
        let isRetry: Bool
    }

    private typealias Reading<Response> = (HTTPReply) throws(CodedError) -> Response

    private func ask<Response: BearsVerdict>(
        _ question: Question,
        _ patience: Duration,
        _ read: Reading<Response>
    ) async throws -> Answer<Response> {
        let deadline = ContinuousClock.now + min(patience, authTimeout)
        var calls = 0
        var failure = CodedError(.webhookNotAsked)
        while true {
            let isRetry = calls > 0
            if breaker.admits(at: .now) {
                calls += 1
                do {
                    return try await attempt(question, isRetry: isRetry, deadline, read)
                } catch let error as CodedError {
                    failure = error
                }
                let reason = failure.code.id
                metrics.authUnanswered(question.type, .soft, isRetry: isRetry, reason: reason)
            }
            guard failure.isRetryable, question.isRepeatable || calls == 0,
                ContinuousClock.now + retryInterval < deadline
            else {
                let reason = failure.code.id
                metrics.authUnanswered(question.type, .hard, isRetry: isRetry, reason: reason)
                throw gaveUp(question, failure)
            }
            logger.emit(
                CodedError(.authBackendError, detail: "will try again", cause: failure),
                question.labels,
                level: .debug
            )
            try await Task.sleep(for: retryInterval)
        }
    }

    /// One call; tells the breaker how it went, unless the task was cancelled.
    private func attempt<Response: BearsVerdict>(
        _ question: Question,
        isRetry: Bool,
        _ deadline: ContinuousClock.Instant,
        _ read: Reading<Response>
    ) async throws -> Answer<Response> {
        metrics.authAsked(question.type, isRetry: isRetry)
        logger.emit(.auth, question.labels)
        let labels: Logger.Metadata = ["webhook": .string(question.path)]
        do {
            let reply = try await send(question, until: deadline)
            let answer = Answer(response: try response(reply, read), isRetry: isRetry)
            logger.emit(breaker.succeeded(), labels, pause: breaker.pause)
            return answer
        } catch let failure as CodedError {
            logger.emit(breaker.failed(at: .now), labels, pause: breaker.pause)
            throw failure
        }
    }

    private func send(
        _ question: Question,
        until deadline: ContinuousClock.Instant
    ) async throws -> HTTPReply {
        let limit = max(min(timeout, deadline - .now), .milliseconds(1))
        var call = HTTPCall(
            .post,
            question.path,
            headers: ["Content-Type": "application/json", "Accept": "application/json"],
            body: question.body,
            timeLimit: .total(limit)
        )
        call.route = question.path
        var logger = logger
        logger[metadataKey: LogLabel.connectionId] = .string(question.head.connectionID)
        return try await http.send(call, logger: logger)
    }

    private func response<Response: BearsVerdict>(
        _ reply: HTTPReply,
        _ read: Reading<Response>
    ) throws(CodedError) -> Response {
        switch reply.status {
        case 200:
            do {
                return try read(reply)
            } catch {
                throw CodedError(error.code, detail: error.detail, isRetryable: true)
            }
        case 400...499:
            return Response(verdict: AuthResponse(success: false))
        default:
            throw CodedError(
                .authInvalidStatus,
                detail: "status \(reply.status)",
                isRetryable: reply.status >= 500
            )
        }
    }

    /// Counts and logs a verdict.
    private func finish(
        _ question: Question,
        _ answer: Answer<some BearsVerdict>,
        _ country: String
    ) -> AuthResponse {
        var verdict = AuthResponse(success: false)
        if let given = answer.response.verdict {
            verdict = given.success ? given : .refusal(like: given)
        }
        metrics.authAnswered(
            question.type,
            success: verdict.success,
            isRetry: answer.isRetry,
            country: country
        )
        logger.emit(verdict.success ? .authSuccessful : .authFailed, question.labels)
        return verdict
    }

    private func gaveUp(_ question: Question, _ failure: CodedError) -> CodedError {
        let error = CodedError(.authBackendError, cause: failure, isRetryable: true)
        logger.emit(error, question.labels)
        return error
    }
}

extension GatewayMetrics.AuthType {
    fileprivate init(_ route: AuthRoute) {
        switch route {
        case .password: self = .password
        case .publicKey: self = .publicKey
        case .certificate: self = .certificate
        case .authorization: self = .authorization
        }
    }
}

/// An answer that is a verdict, or may be one.
private protocol BearsVerdict: Sendable {
    init(verdict: AuthResponse)
    var verdict: AuthResponse? { get }
}

extension AuthResponse: BearsVerdict {
    fileprivate init(verdict: AuthResponse) { self = verdict }
    fileprivate var verdict: AuthResponse? { self }
}

extension KeyboardResponse: BearsVerdict {
    fileprivate init(verdict: AuthResponse) { self = .verdict(verdict) }

    fileprivate var verdict: AuthResponse? {
        guard case .verdict(let verdict) = self else { return nil }
        return verdict
    }
}

extension GSSAPIResponse: BearsVerdict {
    fileprivate init(verdict: AuthResponse) { self = .verdict(verdict) }

    fileprivate var verdict: AuthResponse? {
        guard case .verdict(let verdict) = self else { return nil }
        return verdict
    }
}

extension AuthResponse {
    /// What counts of a refusal: nothing that it says about a login.
    fileprivate static func refusal(like given: AuthResponse) -> AuthResponse {
        AuthResponse(success: false, reason: given.reason, unknownUser: given.unknownUser)
    }
}
