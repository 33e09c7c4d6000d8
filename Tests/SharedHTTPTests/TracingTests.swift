import Hummingbird
import Logging
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedTracing
import StubHTTPServer
import Synchronization
import Testing

@Suite("HTTP and traces", .timeLimit(.minutes(5)))
struct TracingTests {
    private final class Kept: SpanSink {
        private let spans = Mutex<[FinishedSpan]>([])
        var all: [FinishedSpan] { spans.withLock { $0 } }
        func take(_ span: FinishedSpan) { spans.withLock { $0.append(span) } }
        func named(_ name: String) -> FinishedSpan? { all.first { $0.name == name } }
    }

    private let kept = Kept()
    private var tracer: Tracer { Tracer(sample: 1, sink: kept) }

    private func attribute(_ key: SpanKey, of span: FinishedSpan?) -> SpanAttribute.Value? {
        span?.attributes.first { $0.key == key }?.value
    }

    @Test("outside of a span a call carries nothing and makes no span")
    func untraced() async throws {
        try await StubHTTPServer.run({ _, _ in .json("{}") }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            defer { client.shutdown() }
            _ = try await client.send(HTTPCall(.get, "/x"))
            #expect(stub.requests[0].headers["traceparent"] == nil)
            #expect(kept.all.isEmpty)
        }
    }

    @Test("a call is a child of the current span and tells the server so")
    func client() async throws {
        try await StubHTTPServer.run({ _, _ in .json("{}", status: 503) }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            defer { client.shutdown() }
            let root = tracer.begin("root")
            var call = HTTPCall(.post, "/people/7?token=secret")
            call.route = "/people/{id}"
            _ = try await root.run { try await client.send(call) }
            let span = try #require(kept.named("POST /people/{id}"))
            #expect(span.kind == .client && span.parent == root.context.spanID)
            #expect(stub.requests[0].headers["traceparent"] == span.context.traceparent)
            #expect(stub.requests[0].headers["tracestate"] == nil)
            #expect(attribute(.urlFull, of: span) == .string(url + "/people/7"))
            #expect(attribute(.httpStatus, of: span) == 503)
            #expect(attribute(.serverAddress, of: span) == "127.0.0.1")
            #expect(span.failure == "503")
        }
    }

    @Test("a call that gets no answer says why")
    func unanswered() async throws {
        try await StubHTTPServer.run({ _, _ in .hangUp }) { url, _ in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            defer { client.shutdown() }
            let root = tracer.begin("root")
            await #expect(throws: CodedError.self) {
                _ = try await root.run { try await client.send(HTTPCall(.get, "/")) }
            }
            #expect(kept.named("GET")?.failure == MessageCode.httpClientConnectionFailed.id)
        }
    }

    @Test("a trace that is not recorded is passed on as such")
    func unsampled() async throws {
        try await StubHTTPServer.run({ _, _ in .json("{}") }) { url, stub in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            defer { client.shutdown() }
            let root = Tracer(sample: 0, sink: kept).begin("root")
            _ = try await root.run { try await client.send(HTTPCall(.get, "/")) }
            #expect(stub.requests[0].headers["traceparent"] == root.context.traceparent)
            #expect(root.context.traceparent.hasSuffix("-00"))
            #expect(kept.all.isEmpty)
        }
    }

    private func serving<Result>(
        _ body: (String) async throws -> Result
    ) async throws -> Result {
        let router = HTTPService.makeRouter(
            health: HealthRegistry(),
            logger: quiet,
            tracer: tracer
        )
        router.get("/people/:id") { _, _ in
            Response(status: Span.current == nil ? .notFound : .noContent)
        }
        router.get("/broken") { _, _ -> Response in throw CodedError(.authBackendError) }
        let options = HTTPServerOptions(listen: .tcp(host: "127.0.0.1", port: 0))
        let service = try HTTPService("test", options, router: router, logger: quiet)
        return try await withService(service) { (address: ListenAddress) async throws in
            try await body("http://\(address)")
        }
    }

    @Test("a server goes on with its caller's trace, over the wire")
    func server() async throws {
        try await serving { url in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            defer { client.shutdown() }
            let far = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            let state = TraceState(["a=b", "c=d"])
            let context = try #require(TraceContext(traceparent: far, state: state))
            let root = tracer.resume(context, "caller", .internal)
            let reply = try await root.run { try await client.send(HTTPCall(.get, "/people/7")) }
            #expect(reply.status == 204)
            _ = try await root.run { try await client.send(HTTPCall(.get, "/broken")) }
            let caller = try #require(kept.named("GET"))
            let span = try #require(kept.named("GET /people/{id}"))
            #expect(span.kind == .server && span.parent == caller.context.spanID)
            #expect(span.isParentRemote && span.context.traceID == context.traceID)
            #expect(span.context.state == state)
            #expect(attribute(.httpRoute, of: span) == "/people/{id}")
            #expect(attribute(.urlPath, of: span) == "/people/7")
            #expect(attribute(.httpStatus, of: span) == 204)
            #expect(kept.named("GET /broken")?.failure == "500")
        }
    }

    @Test(
        "a request that belongs to no trace begins none",
        arguments: [
            [:], ["traceparent": "garbage"], ["tracestate": "a=b"],
            ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"],
        ] as [[String: String]]
    )
    func noTrace(headers: [String: String]) async throws {
        try await serving { url in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            defer { client.shutdown() }
            var list = HTTPHeaderList()
            for (name, value) in headers { list[name] = value }
            _ = try await client.send(HTTPCall(.get, "/people/7", headers: list))
            #expect(kept.all.isEmpty)
        }
    }

    @Test("two different parents are none")
    func twoParents() async throws {
        try await serving { url in
            let client = try HTTPClient(HTTPClientOptions(url: url), logger: quiet)
            defer { client.shutdown() }
            var list = HTTPHeaderList()
            list.append("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            list.append("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01")
            let reply = try await client.send(HTTPCall(.get, "/people/7", headers: list))
            #expect(reply.status == 404)
            #expect(kept.all.isEmpty)
        }
    }
}
