package import Logging
package import SharedConfig
import SharedHTTP
package import SharedMessages
import SharedModels

/// Asks the authd that counts for several gateways. Every call throws a `CodedError`.
package struct LimitsClient: Sendable {
    private let http: HTTPClient

    package init(_ server: HTTPClientConfig, logger: Logger) throws(CodedError) {
        http = try HTTPClient(try HTTPClientOptions(server), logger: logger)
    }

    package func admit(_ request: AdmitRequest) async throws -> AdmitReply {
        try await call(.json(.post, LimitsRoutes.admit, request)).decode(AdmitReply.self)
    }

    package func release(_ request: ReleaseRequest) async throws {
        _ = try await call(.json(.post, LimitsRoutes.release, request))
    }

    package func report(_ report: LimitsReport) async throws -> LimitsReportReply {
        try await call(.json(.post, LimitsRoutes.report, report)).decode(LimitsReportReply.self)
    }

    private func call(_ call: HTTPCall) async throws -> HTTPReply {
        var call = call
        call.replyLimit = LimitsRoutes.longestReply
        return try await http.accepted(call)
    }
}

/// Manages the penalties of a gateway or of authd. Every call throws a `CodedError`.
package struct PenaltiesClient: Sendable {
    private let http: HTTPClient
    private let token: Secret

    /// `token` is the administration's; empty for none.
    package init(
        _ server: HTTPClientConfig,
        token: Secret = Secret(),
        logger: Logger
    ) throws(CodedError) {
        self.token = token
        http = try HTTPClient(try HTTPClientOptions(server), logger: logger)
    }

    package func list() async throws -> [PenaltyRecord] {
        try await call(HTTPCall(.get, LimitsRoutes.penalties)).decode([PenaltyRecord].self)
    }

    /// An address or a network in its text form; `nil` for all.
    package func clear(_ source: String?) async throws {
        let path = source.map { LimitsRoutes.penalty(of: $0) } ?? LimitsRoutes.penalties
        _ = try await call(HTTPCall(.delete, path))
    }

    private func call(_ call: HTTPCall) async throws -> HTTPReply {
        var call = call
        call.replyLimit = 16 << 20
        if !token.isEmpty { call.headers["Authorization"] = "Bearer \(token.reveal())" }
        return try await http.accepted(call)
    }
}

extension HTTPClient {
    /// The reply, or the refusal as an error with its code.
    fileprivate func accepted(_ call: HTTPCall) async throws -> HTTPReply {
        let reply = try await send(call)
        guard !reply.isSuccess else { return reply }
        let refusal = reply.refusal
        throw CodedError(
            refusal.flatMap { MessageCode.named($0.code) } ?? .httpServerRefused,
            detail: "status \(reply.status): \(refusal?.message ?? "no reason was given")"
        )
    }
}
