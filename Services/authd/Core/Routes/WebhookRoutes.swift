import AuthClient
package import Hummingbird
package import SharedHTTP
import SharedMessages
import SharedModels

/// `POST /password`, `/pubkey`, `/authz`, `/keyboard-interactive` and `/gssapi`, as the webhook
/// contract has them.
///
/// Empty path segments do not count, so `//password` works as well: gateways join the configured
/// URL and the path as they are.
package struct WebhookRoutes: Sendable {
    private let authority: Authority
    private let conversation: Conversation
    private let kerberos: KerberosAuthority?

    package init(
        _ authority: Authority,
        _ conversation: Conversation,
        kerberos: KerberosAuthority? = nil
    ) {
        self.authority = authority
        self.conversation = conversation
        self.kerberos = kerberos
    }

    package func add(to router: Router<HTTPContext>) {
        for route in AuthRoute.allCases {
            router.post(RouterPath(route.rawValue)) { request, _ in
                try await answer(request, route)
            }
        }
        router.post(RouterPath(KeyboardRequest.path)) { request, _ in
            let limit = AuthRoute.longestRequest
            let step = try await request.json(KeyboardRequestBody.self, upTo: limit).request
            return try Response.json(
                KeyboardResponseBody(try await conversation.answer(step))
            )
        }
        router.post(RouterPath(GSSAPIRequest.path)) { request, _ in
            let limit = AuthRoute.longestRequest
            let step = try await request.json(GSSAPIRequestBody.self, upTo: limit).request
            // Without a keytab nobody's ticket can be told from another's.
            let answer =
                try await kerberos?.answer(step) ?? .verdict(AuthResponse(success: false))
            return try Response.json(GSSAPIResponseBody(answer))
        }
    }

    private func answer(_ request: Request, _ route: AuthRoute) async throws -> Response {
        let body = try await request.json(AuthRequestBody.self, upTo: AuthRoute.longestRequest)
        guard let question = body.request(route) else {
            throw HTTPRefusal(.badRequest, .httpServerBadRequest, "JSON lacks what is asked")
        }
        return try .json(AuthResponseBody(try await authority.answer(question)))
    }
}
