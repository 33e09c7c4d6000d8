package import Logging
package import SharedConfig
import SharedHTTP
package import SharedMessages
import SharedModels

/// Lists and ends the connections of a running gateway over its administration listener.
///
/// Every call throws a `CodedError`: with the code that the gateway refused it with, or
/// `HTTP_CLIENT_…`.
package struct SessionClient: Sendable {
    private let http: HTTPClient

    /// `server` is usually `unix:///run/berth/gateway-admin.sock`.
    package init(_ server: HTTPClientConfig, logger: Logger) throws(CodedError) {
        http = try HTTPClient(try HTTPClientOptions(server), logger: logger)
    }

    /// The live connections, the oldest first.
    package func list() async throws -> [SessionRecord] {
        try await call(HTTPCall(.get, GatewayRoutes.sessions)).decode([SessionRecord].self)
    }

    /// Ends a connection; returns once that has begun.
    package func kill(_ id: String, _ kill: SessionKill) async throws {
        guard GatewayRoutes.isID(id) else { throw CodedError(.gatewaySessionUnknown, detail: id) }
        _ = try await call(.json(.post, GatewayRoutes.kill(id), kill))
    }

    private func call(_ call: HTTPCall) async throws -> HTTPReply {
        let reply = try await http.send(call)
        guard !reply.isSuccess else { return reply }
        let code = reply.refusal.flatMap { MessageCode.named($0.code) } ?? .httpServerRefused
        throw CodedError(code, detail: reply.refusal?.message ?? "status \(reply.status)")
    }
}
