import AuthClient
import Logging
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@testable import AuthdCore

/// Over a real socket, as a gateway calls it.
@Suite("Webhook routes", .timeLimit(.minutes(5)))
struct WebhookRoutesTests {
    private func run(_ body: (HTTPClient, Fixture) async throws -> Void) async throws {
        try await Fixture.run { fixture async throws in
            _ = try await fixture.administrator.add(
                NewUser(name: "alice", passwordBase64: base64("s3cret"))
            )
            try await fixture.serve { url async throws in
                let options = HTTPClientOptions(url: url, timeout: .seconds(20))
                try await body(try HTTPClient(options, logger: fixture.logger), fixture)
            }
        }
    }

    private func call(_ path: String, _ body: String) -> HTTPCall {
        HTTPCall(.post, path, body: Array(body.utf8))
    }

    @Test(
        "answers the published question, with one or two slashes",
        arguments: [
            "/password", "//password",
        ]
    )
    func published(_ path: String) async throws {
        try await run { client, _ async throws in
            let body =
                #"{"remoteAddress":"203.0.113.7:41022","connectionId":"5f0c6d1e","#
                + #""clientVersion":"SSH-2.0-OpenSSH_9.6","username":"alice","#
                + #""passwordBase64":"czNjcmV0"}"# + "\n"
            let reply = try await client.send(call(path, body))
            #expect(reply.status == 200)
            let response = try reply.decode(AuthResponseBody.self).response
            #expect(response == AuthResponse(success: true, authenticatedUsername: "alice"))
        }
    }

    @Test("a refusal is a 200 that says only that")
    func refusal() async throws {
        try await run { client, _ async throws in
            let body = #"{"username":"alice","passwordBase64":"eA=="}"#
            let reply = try await client.send(call("/password", body))
            #expect(reply.status == 200)
            #expect(String(decoding: reply.body, as: UTF8.self) == #"{"success":false}"#)
        }
    }

    @Test(
        "what cannot be understood is refused with 400 and a code",
        arguments: [
            ("/password", ""), ("/password", "{"), ("/password", "[]"), ("/password", "{}"),
            ("/password", #"{"username":"alice"}"#), ("/password", #"{"username":7}"#),
            ("/password", #"{"username":"alice","passwordBase64":"%"}"#),
            ("/pubkey", #"{"username":"alice"}"#),
            ("/pubkey", #"{"username":"alice","publicKey":["x"]}"#),
            ("/authz", "null"),
        ]
    )
    func hostile(_ path: String, _ body: String) async throws {
        try await run { client, _ async throws in
            let reply = try await client.send(call(path, body))
            #expect(reply.status == 400)
            #expect(reply.refusal?.code == "HTTP_SERVER_BAD_REQUEST")
        }
    }

    @Test("a question longer than any real one is refused")
    func tooLong() async throws {
        try await run { client, _ async throws in
            let name = String(repeating: "a", count: AuthRoute.longestRequest)
            let reply = try await client.send(call("/authz", #"{"username":"\#(name)"}"#))
            #expect(reply.status == 413)
        }
    }

    @Test("other paths and methods are not found")
    func notFound() async throws {
        try await run { client, _ async throws in
            let path = try await client.send(call("/config", "{}"))
            let method = try await client.send(HTTPCall(.get, "/password"))
            #expect(path.status == 404)
            #expect(method.status == 404)
            #expect(path.refusal?.code == "HTTP_SERVER_NOT_FOUND")
        }
    }
}
