import SharedTracing
import StubHTTPServer
import Synchronization
import Testing

@testable import SharedKubernetes

@Suite("Spans of calls of the cluster's API", .timeLimit(.minutes(5)))
struct CallSpanTests {
    private final class Kept: SpanSink {
        private let spans = Mutex<[FinishedSpan]>([])
        var all: [FinishedSpan] { spans.withLock { $0 } }
        func take(_ span: FinishedSpan) { spans.withLock { $0.append(span) } }
    }

    private let kept = Kept()

    private func calling(_ body: (RESTConnections) async throws -> Void) async throws {
        try await StubHTTPServer.run { request, _ in
            request.method == "GET" ? .json("{}") : .json("{}", status: 409)
        } _: { url, _ in
            let address = try #require(ClusterAddress(url))
            try await body(RESTConnections(ClusterDialer(ClusterOptions(address: address))))
        }
    }

    @Test("a call during a span is its child, without its query")
    func traced() async throws {
        try await calling { connections in
            let root = Tracer(sample: 1, sink: kept).begin("root")
            try await root.run {
                let list = RESTCall(method: .get, path: "/api/v1/pods?labelSelector=secret")
                _ = try await connections.send(list, as: .init())
                let create = RESTCall(method: .post, path: "/api/v1/pods")
                _ = try await connections.send(create, as: .init())
            }
            #expect(kept.all.map(\.name) == ["GET", "POST"])
            #expect(kept.all.allSatisfy { $0.parent == root.context.spanID && $0.kind == .client })
            #expect(kept.all[0].attributes.contains(SpanAttribute(.urlPath, "/api/v1/pods")))
            #expect(kept.all.map(\.failure) == [nil, "409"])
        }
    }

    @Test("other calls make no span")
    func untraced() async throws {
        try await calling { connections in
            _ = try await connections.send(RESTCall(method: .get, path: "/version"), as: .init())
            #expect(kept.all.isEmpty)
        }
    }
}
