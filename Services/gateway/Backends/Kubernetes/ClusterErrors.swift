import SharedKubernetes
import SharedMessages

extension CodedError {
    /// The API server's status, when it is the server that refused.
    var clusterStatus: Int? { (cause as? ClusterRefusal)?.status }

    /// How long the server wants to be left alone.
    var retryAfter: Duration? { (cause as? ClusterRefusal)?.retryAfter }

    /// Gives an error of the client's the step's code; one that has a code keeps it.
    static func of(_ error: any Error, _ code: MessageCode) -> any Error {
        switch error {
        case is CancellationError, is CodedError: return error
        case let refusal as ClusterRefusal:
            return CodedError(
                code,
                detail: refusal.description,
                cause: refusal,
                isRetryable: refusal.isRetryable
            )
        case let error as ClusterUnreachable:
            return CodedError(code, detail: error.description, cause: error, isRetryable: true)
        default: return CodedError(code, detail: "\(error)", cause: error)
        }
    }
}

/// Runs `body`; what it throws has a code afterwards, or is a cancellation.
func coded<Value: Sendable>(
    _ code: MessageCode,
    _ body: () async throws -> Value
) async throws -> Value {
    do {
        return try await body()
    } catch {
        throw CodedError.of(error, code)
    }
}
