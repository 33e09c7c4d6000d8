import HTTPTypes
import Hummingbird
import NIOCore
import SharedHTTP

/// The web page: static files in the program, which ask the API as anybody else does. They hold
/// nothing secret, so they need no token.
enum WebPage {
    private struct File: Sendable {
        var path: String
        var type: String
        var bytes: ByteBuffer
    }

    /// Only our own files are run or loaded, and nobody may frame the page.
    static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    private static let files = [
        File(
            path: "/web",
            type: "text/html; charset=utf-8",
            bytes: .init(bytes: PackageResources.index_html)
        ),
        File(
            path: "/web/page.css",
            type: "text/css; charset=utf-8",
            bytes: .init(bytes: PackageResources.page_css)
        ),
        File(
            path: "/web/page.js",
            type: "text/javascript; charset=utf-8",
            bytes: .init(bytes: PackageResources.page_js)
        ),
        File(
            path: "/web/terminal.js",
            type: "text/javascript; charset=utf-8",
            bytes: .init(bytes: PackageResources.terminal_js)
        ),
    ]

    static func add(to router: Router<HTTPContext>) {
        for file in files {
            router.get(RouterPath(file.path)) { _, _ in
                var response = Response(
                    status: .ok,
                    headers: [.contentType: file.type, .cacheControl: "no-cache"],
                    body: ResponseBody(byteBuffer: file.bytes)
                )
                response.headers[.contentSecurityPolicy] = policy
                response.headers[.xContentTypeOptions] = "nosniff"
                if let name = HTTPField.Name("Referrer-Policy") {
                    response.headers[name] = "no-referrer"
                }
                return response
            }
        }
    }
}
