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
        page("", "text/html", PackageResources.index_html),
        page("/page.css", "text/css", PackageResources.page_css),
        script("page", PackageResources.page_js), script("api", PackageResources.api_js),
        script("list", PackageResources.list_js), script("player", PackageResources.player_js),
        script("events", PackageResources.events_js),
        script("terminal", PackageResources.terminal_js),
    ]

    /// Where the page's files are.
    static var paths: [String] { files.map(\.path) }

    private static func page(_ name: String, _ type: String, _ bytes: [UInt8]) -> File {
        File(path: "/web" + name, type: type + "; charset=utf-8", bytes: ByteBuffer(bytes: bytes))
    }

    private static func script(_ name: String, _ bytes: [UInt8]) -> File {
        page("/\(name).js", "text/javascript", bytes)
    }

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
