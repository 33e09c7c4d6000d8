import HTTPTypes
import Hummingbird
import Logging
import SharedLogging
import SharedMessages
import SharedModels

/// Gives every request an identity and a log line, and every failure an `ErrorBody`.
struct ErrorBodyMiddleware: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request,
        context: HTTPContext,
        next: @concurrent (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = identity(of: request)
        context.logger = logger
        context.logger[metadataKey: "requestId"] = .string(context.requestID)
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = try answer(error, context.logger)
        }
        if let name = requestIDHeader { response.headers[name] = context.requestID }
        context.logger.emit(.httpServerRequest, labels(request, response))
        return response
    }

    private func answer(_ error: any Error, _ logger: Logger) throws -> Response {
        let refusal = refusal(error, logger)
        let body = ErrorBody(code: refusal.code.id, message: refusal.message)
        return try .json(body, status: refusal.status)
    }

    private func refusal(_ error: any Error, _ logger: Logger) -> HTTPRefusal {
        switch error {
        case let refusal as HTTPRefusal:
            return refusal
        case let error as CodedError:
            logger.emit(error)
            // The detail is for the operator and stays in the log.
            return HTTPRefusal(
                error.isRetryable ? .serviceUnavailable : .internalServerError,
                error.code
            )
        case let error as HTTPError:
            return refusal(error)
        default:
            logger.emit(CodedError(.httpServerInternalError, cause: error))
            return HTTPRefusal(.internalServerError, .httpServerInternalError)
        }
    }

    private func refusal(_ error: HTTPError) -> HTTPRefusal {
        let code: MessageCode =
            switch error.status {
            case .notFound: .httpServerNotFound
            case .badRequest: .httpServerBadRequest
            case .contentTooLarge: .httpServerBodyTooLarge
            default: .httpServerRefused
            }
        return HTTPRefusal(error.status, code, error.body)
    }

    private func labels(_ request: Request, _ response: Response) -> Logger.Metadata {
        [
            "method": "\(request.method.rawValue)", "path": "\(request.uri.path)",
            "statusCode": .stringConvertible(response.status.code),
        ]
    }
}

/// The same for a request and everything it causes.
private let requestIDHeader = HTTPField.Name("X-Request-ID")

/// The caller's identity for the request if it is short and harmless in a log line, else a new one.
private func identity(of request: Request) -> String {
    let given = requestIDHeader.flatMap { request.headers[$0] } ?? ""
    let isHarmless = given.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
    guard isHarmless, (1...64).contains(given.utf8.count) else {
        return String(UInt64.random(in: 0 ... .max), radix: 16)
    }
    return given
}
