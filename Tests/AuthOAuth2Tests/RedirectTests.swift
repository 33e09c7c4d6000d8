import Foundation
import Logging
import ServiceLifecycle
import SharedConfig
import SharedHTTP
import SharedMessages
import Testing

@testable import AuthOAuth2

@Suite("The redirect server", .timeLimit(.minutes(2)))
struct RedirectTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func serve<Result>(
        webroot: String = "",
        _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        var config = OAuth2RedirectConfig()
        config.webroot = webroot
        let service = try HTTPService.redirect(
            config,
            HTTPServerOptions(listen: .tcp(host: "127.0.0.1", port: 0)),
            logger: logger
        )
        let group = ServiceGroup(configuration: .init(services: [service], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let url = "http://\(try await service.boundAddress())"
            let client = try HTTPClient(
                HTTPClientOptions(url: url, timeout: .seconds(90)),
                logger: logger
            )
            let result = try await body(client)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        }
    }

    private func get(_ client: HTTPClient, _ path: String) async throws -> (Int, String) {
        let reply = try await client.send(HTTPCall(.get, path))
        return (reply.status, String(decoding: reply.body, as: UTF8.self))
    }

    @Test("shows state and code, and keeps them in this window")
    func page() async throws {
        try await serve { client async throws in
            let reply = try await client.send(HTTPCall(.get, "/?state=abc&code=d-1"))
            #expect(reply.status == 200)
            #expect(String(decoding: reply.body, as: UTF8.self).contains("<code>abc|d-1</code>"))
            #expect(reply.headers["Cache-Control"] == "no-store")
            #expect(reply.headers["Referrer-Policy"] == "no-referrer")
            #expect(
                reply.headers["Content-Security-Policy"]?.contains("frame-ancestors 'none'") == true
            )
            #expect(reply.headers["X-Content-Type-Options"] == "nosniff")
        }
    }

    @Test("what comes with the request is text and nothing else")
    func escaping() async throws {
        try await serve { client async throws in
            let attack = "%3Cscript%3Ealert('1')%3C/script%3E%22%26"
            let (_, text) = try await get(client, "/?state=\(attack)&code=%60%5C")
            #expect(!text.contains("<script"))
            let escaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;|&#96;&#92;"
            #expect(text.contains(escaped))
            // What looks like the template's own mark is not looked at again.
            let (_, twice) = try await get(client, "/?state=%7B%7B%20.Code%20%7D%7D&code=x")
            #expect(twice.contains("<code>{{ .Code }}|x</code>"))
        }
    }

    @Test("has nothing else, and takes nothing")
    func others() async throws {
        try await serve { client async throws in
            for path in ["/index.html", "/x", "/../etc/passwd", "/%2e%2e/etc/passwd"] {
                let (status, _) = try await get(client, path)
                #expect(status == 404, "\(path)")
            }
            for method in [HTTPCall.Method.post, .put, .delete] {
                let reply = try await client.send(HTTPCall(method, "/", body: [65]))
                #expect([404, 405].contains(reply.status))
            }
        }
    }

    @Test("a directory of one's own replaces the page, with the files in it and no others")
    func webroot() async throws {
        let outer = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        let folder = outer.appending(path: "web")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: outer) }  // Leftovers harm nobody.
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: outer.appending(path: name))
        }
        try write("<p>Code:{{.Code}}</p>", "web/index.html")
        try write("p {}", "web/style.css")
        try write("secret", "secret")
        try write("hidden", "web/.hidden")
        try FileManager.default.createSymbolicLink(
            at: folder.appending(path: "link"),
            withDestinationURL: outer.appending(path: "secret")
        )
        try await serve(webroot: folder.path) { client async throws in
            let page = try await get(client, "/?state=a&code=b")
            #expect(page == (200, "<p>Code:a|b</p>"))
            let style = try await get(client, "/style.css")
            #expect(style == (200, "p {}"))
            for path in ["/.hidden", "/link", "/../secret", "/%2e%2e/secret", "/web", "//secret"] {
                let (status, _) = try await get(client, path)
                #expect(status == 404, "\(path)")
            }
        }
    }

    @Test("a directory without a page keeps the process from starting")
    func noPage() async throws {
        let error = await #expect(throws: CodedError.self) {
            try await serve(webroot: "/nowhere") { _ in }
        }
        #expect(error?.code == .authOAuth2PageUnusable)
    }
}
