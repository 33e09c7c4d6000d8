package import Logging
package import SharedConfig
import SharedHTTP
package import SharedMessages
package import SharedModels

/// Tells the session webhook of events, one call each.
package struct SessionEventClient: Sendable {
    private let http: HTTPClient

    /// Reads the certificate files that `config` names, so it blocks; call it at start-up.
    package init(_ config: HTTPClientConfig, logger: Logger) throws(CodedError) {
        http = try HTTPClient(try HTTPClientOptions(config), logger: logger)
    }

    /// Throws a `CodedError` when the event was not taken; a status 4xx is final, but for those
    /// that ask for another try (RFC 9110 §15.5.9, RFC 6585 §4).
    package func send(_ event: SessionEvent) async throws {
        var call = try HTTPCall.json(.post, SessionEvent.path, event)
        call.route = SessionEvent.path
        let reply = try await http.send(call)
        guard !reply.isSuccess else { return }
        let isFinal = (400...499).contains(reply.status) && ![408, 429].contains(reply.status)
        throw CodedError(
            .authInvalidStatus,
            detail: "status \(reply.status)",
            isRetryable: !isFinal
        )
    }
}
