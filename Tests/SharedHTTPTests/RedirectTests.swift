import SharedHTTP
import SharedMessages
import StubHTTPServer
import Testing

@Suite("Redirects", .timeLimit(.minutes(5)))
struct RedirectTests {
    private static func redirect(_ status: Int, _ location: String) -> StubAnswer {
        .reply(status: status, headers: ["Location": location], body: "moved")
    }

    private static func client(_ url: String, allow: Bool = true) throws -> HTTPClient {
        try HTTPClient(HTTPClientOptions(url: url, allowRedirects: allow), logger: quiet)
    }

    @Test("are refused unless allowed")
    func refused() async throws {
        try await StubHTTPServer.run({ _, _ in Self.redirect(307, "/there") }) { url, stub in
            let client = try Self.client(url, allow: false)
            let found = await code { try await client.send(HTTPCall(.post, "/")) }
            #expect(found == .httpClientRedirectsDisabled)
            #expect(stub.requests.count == 1)
        }
    }

    @Test(
        "keep method and body only with 307 and 308",
        arguments: [
            (301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "b"),
            (308, "POST", "b"),
        ]
    )
    func methodAndBody(_ status: Int, _ method: String, _ body: String) async throws {
        try await StubHTTPServer.run({ _, index in
            index == 0 ? Self.redirect(status, "/there?x=y") : .reply(body: "here")
        }) { url, stub in
            let client = try Self.client(url)
            let reply = try await client.send(HTTPCall(.post, "/a/b", body: Array("b".utf8)))
            #expect(reply.body == Array("here".utf8))
            let second = try #require(stub.requests.last)
            #expect(second.path == "/there?x=y")
            #expect(second.method == method)
            #expect(second.body == body)
        }
    }

    @Test("end after five in a row")
    func loop() async throws {
        try await StubHTTPServer.run({ _, _ in Self.redirect(307, "/again") }) { url, stub in
            let client = try Self.client(url)
            let found = await code { try await client.send(HTTPCall(.get, "/")) }
            #expect(found == .httpClientRedirectRefused)
            #expect(stub.requests.count == 6)
        }
    }

    @Test(
        "lead nowhere but to http and https",
        arguments: [
            "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/x", "http://",
        ]
    )
    func otherSchemes(_ location: String) async throws {
        try await StubHTTPServer.run({ _, _ in Self.redirect(307, location) }) { url, _ in
            let client = try Self.client(url)
            let found = await code { try await client.send(HTTPCall(.get, "/")) }
            #expect(found == .httpClientRedirectRefused)
        }
    }

    @Test("to another origin carry no credentials, to the same they do")
    func credentials() async throws {
        try await StubHTTPServer.run({ _, _ in .reply() }) { other, stranger in
            try await StubHTTPServer.run({ _, index in
                index == 0 ? Self.redirect(307, "/same") : Self.redirect(307, other + "/x")
            }) { url, stub in
                let client = try Self.client(url)
                _ = try await client.send(
                    HTTPCall(.get, "/", headers: ["Authorization": "Bearer t"])
                )
                #expect(
                    stub.requests.map { $0.headers["authorization"] } == ["Bearer t", "Bearer t"]
                )
                #expect(stranger.requests.map { $0.headers["authorization"] } == [nil])
            }
        }
    }

    @Test("share the time limit of the call")
    func sharedDeadline() async throws {
        try await StubHTTPServer.run({ _, index in
            index == 0 ? Self.redirect(307, "/slow") : .silence
        }) { url, _ in
            let client = try Self.client(url)
            let call = HTTPCall(.get, "/", timeLimit: .total(.milliseconds(200)))
            #expect(await code { try await client.send(call) } == .httpClientConnectionFailed)
        }
    }
}
