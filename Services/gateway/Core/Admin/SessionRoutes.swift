import GatewayClient
package import Hummingbird
package import SharedHTTP
import SharedMessages

/// The live connections over HTTP. Whoever reaches it may end them, so it is served on the
/// administration listener only.
package struct SessionRoutes: Sendable {
    private let registry: SessionRegistry

    package init(_ registry: SessionRegistry) { self.registry = registry }

    package func add(to router: Router<HTTPContext>) {
        router.get("/v1/sessions") { [registry] _, _ -> Response in
            try .json(registry.records())
        }
        router.post("/v1/sessions/:id/kill") { [registry] request, context in
            let id = try context.parameters.require("id")
            let kill = try await request.json(SessionKill.self, upTo: GatewayRoutes.longestRequest)
            guard kill.reason.utf8.count <= GatewayRoutes.longestReason, kill.reason.isOneLine,
                kill.actor?.isOneLine ?? true
            else { throw HTTPRefusal(.unprocessableContent, .gatewayKillInvalid) }
            do {
                try registry.kill(id, kill)
            } catch let error as CodedError {
                throw HTTPRefusal(.notFound, error.code)
            }
            return Response(status: .noContent)
        }
    }
}

extension String {
    /// Whether the text can be shown and logged as it is.
    fileprivate var isOneLine: Bool {
        unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }
}
