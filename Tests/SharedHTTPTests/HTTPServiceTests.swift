import Foundation
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels
import Synchronization
import Testing

@Suite("HTTP service", .timeLimit(.minutes(5)))
struct HTTPServiceTests {
    private struct Question: Codable { var name: String }

    /// Serves a few routes on a free port.
    private func run<Result>(
        health: HealthRegistry = HealthRegistry(),
        listen: ListenAddress = .tcp(host: "127.0.0.1", port: 0),
        _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        let router = HTTPService.makeRouter(health: health, logger: quiet)
        health.addRootRoute(to: router)
        router.post("/hello") { request, context in
            let question = try await request.json(Question.self, upTo: 100)
            context.logger.debug("asked")
            return try Response.json(Question(name: "hello \(question.name)"))
        }
        router.get("/refuse") { _, _ -> Response in
            throw HTTPRefusal(.conflict, .authFailed, "taken")
        }
        router.get("/coded") { _, _ -> Response in
            throw CodedError(.authBackendError, detail: "secret host", isRetryable: true)
        }
        router.get("/broken") { _, _ -> Response in throw CocoaError(.fileNoSuchFile) }
        let options = HTTPServerOptions(listen: listen)
        let service = try HTTPService("test", options, router: router, logger: quiet)
        return try await withService(service) { (address: ListenAddress) async throws in
            let url =
                switch address {
                case .tcp(let host, let port): "http://\(host):\(port)"
                case .unix(let path): "unix://\(path)"
                }
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            return try await body(client)
        }
    }

    @Test("decodes JSON and answers in JSON")
    func json() async throws {
        try await run { (client: HTTPClient) async throws in
            let reply = try await client.send(.json(.post, "/hello", Question(name: "you")))
            #expect(reply.status == 200)
            #expect(reply.headers["Content-Type"] == "application/json")
            #expect(try reply.decode(Question.self).name == "hello you")
        }
    }

    @Test(
        "every refusal has a status and a body with its code",
        arguments: [
            ("/nothing", 404, "HTTP_SERVER_NOT_FOUND"), ("/refuse", 409, "AUTH_FAILED"),
            ("/coded", 503, "AUTH_BACKEND_ERROR"), ("/broken", 500, "HTTP_SERVER_INTERNAL_ERROR"),
        ]
    )
    func refusals(_ path: String, _ status: Int, _ code: String) async throws {
        try await run { (client: HTTPClient) async throws in
            let reply = try await client.send(HTTPCall(.get, path))
            #expect(reply.status == status)
            #expect(reply.refusal?.code == code)
            #expect(reply.refusal?.message.contains("secret") == false)
        }
    }

    @Test(
        "hostile bodies are refused with 400 and a code",
        arguments: [
            "", "{", "null", "[1]", #"{"name":1}"#, "\u{1}\u{2}", String(repeating: "[", count: 90),
        ]
    )
    func hostileJSON(_ body: String) async throws {
        try await run { (client: HTTPClient) async throws in
            let reply = try await client.send(
                HTTPCall(.post, "/hello", body: Array(body.utf8))
            )
            #expect(reply.status == 400)
            #expect(reply.refusal?.code == "HTTP_SERVER_BAD_REQUEST")
        }
    }

    @Test("a body above the route's limit is refused with 413, announced or chunked")
    func bodyLimit() async throws {
        try await run { (client: HTTPClient) async throws in
            let body = [UInt8](repeating: 32, count: 101)
            let announced = try await client.send(HTTPCall(.post, "/hello", body: body))
            #expect(announced.status == 413)
            #expect(announced.refusal?.code == "HTTP_SERVER_BODY_TOO_LARGE")
            let chunked = HTTPCall(
                .post,
                "/hello",
                headers: ["Transfer-Encoding": "chunked"],
                body: body
            )
            #expect(try await client.send(chunked).status == 413)
        }
    }

    @Test("keeps a harmless request identity and replaces others")
    func requestIdentity() async throws {
        try await run { (client: HTTPClient) async throws in
            func identity(_ given: String) async throws -> String? {
                let call = HTTPCall(.get, "/healthz", headers: ["X-Request-ID": given])
                return try await client.send(call).headers["X-Request-ID"]
            }
            let long = String(repeating: "x", count: 65)
            let kept = try await identity("abc-123")
            let tooLong = try await identity(long)
            let spaced = try await identity("with space")
            #expect(kept == "abc-123")
            #expect(tooLong != nil && tooLong != long)
            #expect(spaced != nil && spaced != "with space")
        }
    }

    @Test("healthz says alive; readyz follows the checks and names what fails")
    func health() async throws {
        let health = HealthRegistry()
        let isBroken = Mutex(false)
        health.register("database") { isBroken.withLock { $0 } ? "is locked" : nil }
        health.register("other") { nil }
        try await run(health: health) { (client: HTTPClient) async throws in
            #expect(try await client.send(HTTPCall(.get, "/healthz")).status == 200)
            #expect(try await client.send(HTTPCall(.get, "/readyz")).status == 200)
            isBroken.withLock { $0 = true }
            let reply = try await client.send(HTTPCall(.get, "/readyz"))
            #expect(reply.status == 503)
            struct Body: Decodable { var reasons: [HealthReason] }
            let expected = [HealthReason(name: "database", reason: "is locked")]
            #expect(try reply.decode(Body.self).reasons == expected)
            #expect(reply.refusal?.code == "HTTP_SERVER_NOT_READY")
            #expect(try await client.send(HTTPCall(.get, "/healthz")).status == 200)
        }
    }

    @Test("a stopping process is not ready, whichever path asks")
    func stopping() async throws {
        let health = HealthRegistry()
        try await run(health: health) { (client: HTTPClient) async throws in
            #expect(try await client.send(HTTPCall(.get, "/")).status == 200)
            health.stop()
            #expect(try await client.send(HTTPCall(.get, "/readyz")).status == 503)
            #expect(try await client.send(HTTPCall(.get, "/")).status == 503)
        }
    }

    @Test("a check that gives no answer has failed")
    func silentCheck() async {
        let health = HealthRegistry()
        health.register("stuck") {
            await forever()
            return nil
        }
        #expect(await health.reasons().map(\.name) == ["stuck"])
    }

    @Test("listens on a Unix socket and removes it at the end")
    func unixSocket() async throws {
        try await withFolder { folder in
            let path = folder.appending(path: "new/d.sock").path
            try await run(listen: .unix(path: path)) { (client: HTTPClient) async throws in
                #expect(try await client.send(HTTPCall(.get, "/healthz")).status == 200)
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == 0o660)
            }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test(
        "refuses to be reachable from elsewhere without TLS unless told so",
        arguments: [
            ListenAddress.tcp(host: "0.0.0.0", port: 0), .tcp(host: "::", port: 0),
            .tcp(host: "192.0.2.1", port: 0), .tcp(host: "example.org", port: 0),
        ]
    )
    func insecure(_ listen: ListenAddress) async throws {
        let router = HTTPService.makeRouter(health: HealthRegistry(), logger: quiet)
        var options = HTTPServerOptions(listen: listen)
        let found = await code {
            try HTTPService("test", options, router: router, logger: quiet)
        }
        #expect(found == .httpServerInsecureListen)
        options.allowInsecure = true
        _ = try HTTPService("test", options, router: router, logger: quiet)
    }

    @Test("a taken port fails with its code, for run and for whoever waits")
    func portTaken() async throws {
        try await withService(
            try HTTPService(
                "first",
                HTTPServerOptions(listen: .tcp(host: "127.0.0.1", port: 0)),
                router: HTTPService.makeRouter(health: HealthRegistry(), logger: quiet),
                logger: quiet
            )
        ) { (address: ListenAddress) async throws in
            let second = try HTTPService(
                "second",
                HTTPServerOptions(listen: address),
                router: HTTPService.makeRouter(health: HealthRegistry(), logger: quiet),
                logger: quiet
            )
            #expect(await code { try await second.run() } == .httpListenFailed)
            #expect(await code { try await second.boundAddress() } == .httpListenFailed)
        }
    }

    @Test("a graceful stop finishes the request under way and then refuses connections")
    func gracefulStop() async throws {
        let router = HTTPService.makeRouter(health: HealthRegistry(), logger: quiet)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        router.get("/slow") { _, _ in
            enter.finish()
            for await _ in released {}
            return Response(status: .ok)
        }
        let service = try HTTPService(
            "test",
            HTTPServerOptions(listen: .tcp(host: "127.0.0.1", port: 0)),
            router: router,
            logger: quiet
        )
        let group = ServiceGroup(configuration: .init(services: [service], logger: quiet))
        let running = Task { try await group.run() }
        let url = "http://127.0.0.1:\(try await service.boundAddress().port)"
        let options = HTTPClientOptions(url: url, timeout: .seconds(20))
        let client = try HTTPClient(options, logger: quiet)
        async let status = client.send(HTTPCall(.get, "/slow")).status
        for await _ in entered {}
        await group.triggerGracefulShutdown()
        let probe = try HTTPClient(options, logger: quiet)
        try await eventually {
            await code { try await probe.send(HTTPCall(.get, "/healthz")) } != nil
        }
        release.finish()
        #expect(try await status == 200)
        try await running.value
    }
}

/// Waits until the task is cancelled.
private func forever() async {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    await withTaskCancellationHandler {
        for await _ in stream {}
    } onCancel: {
        continuation.finish()
    }
}
