import HTTPTypes
package import Hummingbird
import NIOCore
import NIOPosix
package import SharedHTTP

/// `GET /` of the redirect server, and the files of its `webroot`.
///
/// It knows no login: what it shows came with the request, and counts only in the terminal where
/// the login was begun. A login is never completed from here, as then a person could be made to
/// complete a stranger's by opening a link.
package struct RedirectRoutes: Sendable {
    private let page: RedirectPage

    package init(_ page: RedirectPage) { self.page = page }

    package func add(to router: Router<HTTPContext>) {
        router.get("/") { request, _ in answer(request) }
        router.get("**") { request, _ in try await file(request) }
    }

    private func answer(_ request: Request) -> Response {
        let query = request.uri.queryParameters
        func value(_ name: Substring) -> String { String((query[name] ?? "").prefix(4096)) }
        let text = page.text(state: value("state"), code: value("code"))
        return reply("text/html; charset=utf-8", ByteBuffer(string: text))
    }

    private func file(_ request: Request) async throws -> Response {
        let path = request.uri.path
        let file = try await NIOThreadPool.singleton.runIfActive { page.file(path) }
        guard let file else { throw HTTPError(.notFound) }
        return reply(file.type, ByteBuffer(bytes: file.content))
    }

    /// The code is to stay in this one window: nothing is stored, sent on, or put into a frame.
    private func reply(_ type: String, _ body: ByteBuffer) -> Response {
        var headers: HTTPFields = [
            .contentType: type, .cacheControl: "no-store",
            .contentSecurityPolicy:
                "default-src 'self'; style-src 'self' 'unsafe-inline'; form-action 'none'; "
                + "frame-ancestors 'none'; base-uri 'none'",
            .xContentTypeOptions: "nosniff",
        ]
        if let name = HTTPField.Name("Referrer-Policy") { headers[name] = "no-referrer" }
        return Response(
            status: .ok,
            headers: headers,
            body: ResponseBody(byteBuffer: body)
        )
    }
}
