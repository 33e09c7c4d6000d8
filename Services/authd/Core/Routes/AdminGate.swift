import Foundation
import HTTPTypes
package import Hummingbird
package import SharedConfig
package import SharedHTTP
import SharedMessages

/// Lets those into the administration who may: by a token, or because they reach the listener.
///
/// Without a token everybody is let in who reaches it, unless one is configured. A token that is
/// sent has to be right in any case. What is changed is noted under the token's name.
package struct AdminGate: RouterMiddleware {
    package typealias Context = HTTPContext

    private let store: UserStore
    private let token: Secret

    package init(store: UserStore, token: Secret) {
        self.store = store
        self.token = token
    }

    /// Guards the routes that are added afterwards.
    package func add(to router: Router<HTTPContext>) { router.add(middleware: self) }

    package func handle(
        _ request: Request,
        context: HTTPContext,
        next: @concurrent (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        if ["/healthz", "/readyz"].contains(request.uri.path) {
            return try await next(request, context)
        }
        let actor = try await actor(request)
        return try await ChangeActor.$name.withValue(actor) { try await next(request, context) }
    }

    private func actor(_ request: Request) async throws -> String {
        guard let header = request.headers[.authorization] else {
            guard token.isEmpty else { throw HTTPRefusal(.unauthorized, .authdTokenRefused) }
            return "socket"
        }
        guard header.hasPrefix("Bearer ") else {
            throw HTTPRefusal(.unauthorized, .authdTokenRefused)
        }
        let sent = String(header.dropFirst("Bearer ".count))
        if !token.isEmpty, areEqual(sent, token.reveal()) { return "token of the configuration" }
        let now = Int(Date.now.timeIntervalSince1970)
        guard let holder = try await store.holder(ofToken: sent, at: now) else {
            throw HTTPRefusal(.unauthorized, .authdTokenRefused)
        }
        let isReading = request.method == .get && request.uri.path != "/backup"
        guard !holder.isReadOnly || isReading else {
            throw HTTPRefusal(.forbidden, .authdTokenRefused, "the token may only read")
        }
        return "token \(holder.name)"
    }
}
