import AuthClient
import HTTPTypes
package import Hummingbird
package import SharedHTTP
import SharedConfig
import SharedMessages

/// What gateways ask: `POST /v1/limits/admit`, `release` and `report`.
package struct SharedLimitsRoutes: Sendable {
    private let limits: SharedLimits

    package init(_ limits: SharedLimits) { self.limits = limits }

    package func add(to router: Router<HTTPContext>) {
        router.post(RouterPath(LimitsRoutes.admit)) { request, _ in
            let body = try await request.json(AdmitRequest.self, upTo: 64 << 10)
            return try Response.json(limits.admit(body))
        }
        router.post(RouterPath(LimitsRoutes.release)) { request, _ in
            let longest = LimitsRoutes.longestRequest
            limits.release(try await request.json(ReleaseRequest.self, upTo: longest))
            return Response(status: .noContent)
        }
        router.post(RouterPath(LimitsRoutes.report)) { request, _ in
            let longest = LimitsRoutes.longestRequest
            return try Response.json(
                limits.report(try await request.json(LimitsReport.self, upTo: longest))
            )
        }
    }
}
