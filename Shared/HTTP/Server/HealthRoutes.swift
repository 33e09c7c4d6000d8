import HTTPTypes
package import Hummingbird
import SharedMessages

extension HealthRegistry {
    /// `/healthz`: the process answers. `/readyz`: it can work, else 503 with the reasons.
    func addRoutes(to router: Router<HTTPContext>) {
        router.get("/healthz") { _, _ in
            try Response.json(HealthBody(.httpServerReady, "alive"))
        }
        router.get("/readyz") { _, _ in try await self.readiness() }
    }

    /// Answers at `/` as at `/readyz`: ContainerSSH's health server is asked there, by
    /// `health.client.url` as well.
    package func addRootRoute(to router: Router<HTTPContext>) {
        router.get("/") { _, _ in try await self.readiness() }
    }

    private func readiness() async throws -> Response {
        let reasons = await reasons()
        guard reasons.isEmpty else {
            let text = reasons.map { "\($0.name): \($0.reason)" }.joined(separator: "; ")
            let body = HealthBody(.httpServerNotReady, text, reasons)
            return try Response.json(body, status: .serviceUnavailable)
        }
        return try Response.json(HealthBody(.httpServerReady, "ready"))
    }
}

/// The body of `/healthz` and `/readyz`; it reads as an `ErrorBody` too.
private struct HealthBody: Encodable {
    var code: String
    var message: String
    var reasons: [HealthReason]

    init(_ code: MessageCode, _ message: String, _ reasons: [HealthReason] = []) {
        self.code = code.id
        self.message = message
        self.reasons = reasons
    }
}
