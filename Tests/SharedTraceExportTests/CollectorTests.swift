import InMemoryLogging
import Logging
import SharedConfig
import SharedMessages
import SharedTracing
import StubHTTPServer
import Testing
import TraceSink

@testable import SharedTraceExport

/// The exporter against an OTLP/HTTP receiver on a real socket.
@Suite(.timeLimit(.minutes(5))) struct CollectorTests {
    private let log = InMemoryLogHandler()

    private func tracing(
        _ url: String,
        _ change: (inout TracingConfig) -> Void = { _ in }
    ) throws -> (Tracer, SpanExporter) {
        var config = TracingConfig()
        config.client.url = url
        config.interval = .milliseconds(10)
        config.client.timeout = .seconds(60)
        change(&config)
        let tracing = try #require(
            try Tracing(config, service: "berth-test", logger: Logger(label: "t") { _ in log })
        )
        var exporter = tracing.exporter
        exporter.times.firstPause = .milliseconds(1)
        exporter.times.logPause = .zero
        exporter.times.flush = .seconds(60)
        return (tracing.tracer, exporter)
    }

    private func dropped() -> [String] {
        log.entries.filter { $0.metadata["code"] == .string(MessageCode.tracingSpansDropped.id) }
            .map { "\($0.metadata["reason"] ?? "")" }
    }

    @Test("without a URL nothing is traced")
    func off() throws {
        let logger = Logger(label: "t") { _ in log }
        #expect(try Tracing(TracingConfig(), service: "berth-test", logger: logger) == nil)
    }

    @Test("spans arrive as the specification says")
    func arrives() async throws {
        try await TraceSink.run { url, sink in
            let (tracer, exporter) = try tracing(url)
            try await running(exporter) {
                let root = tracer.begin("root", .server)
                for number in 0..<900 { root.child("child \(number)").end() }
                root.end()
                try await eventually("all arrive") { sink.spans.count == 901 }
            }
            #expect(sink.faults.isEmpty)
            #expect(sink.spans.allSatisfy { $0.service == "berth-test" })
            let tree = TraceTree(sink.spans[0].trace, of: sink.spans)
            #expect(tree.isConnected && tree.spans.count == 901)
        }
    }

    @Test("configured headers go with every call, and a URL may end with a slash")
    func headers() async throws {
        try await StubHTTPServer.run { _, _ in
            .reply(status: 200)
        } _: { url, stub in
            let (tracer, exporter) = try tracing(url + "/") {
                $0.headers = ["authorization": Secret("Bearer tok"), "X-Tenant": Secret("b")]
            }
            try await running(exporter) {
                tracer.begin("root").end()
                try await eventually("a call comes") { stub.requests.count == 1 }
            }
            #expect(stub.requests[0].path == "/v1/traces")
            #expect(stub.requests[0].headers["authorization"] == "Bearer tok")
            #expect(stub.requests[0].headers["x-tenant"] == "b")
        }
    }

    @Test("what asks for another try gets it", arguments: [429, 502, 503, 504])
    func retryable(status: Int) async throws {
        try await TraceSink.run { call in
            call < 2 ? .reply(status: status, headers: ["Retry-After": "0"]) : .json("{}")
        } _: { url, sink in
            let (tracer, exporter) = try tracing(url)
            try await running(exporter) {
                tracer.begin("root").end()
                try await eventually("it arrives") { sink.spans.count == 1 }
            }
            #expect(sink.calls == 3 && sink.faults.isEmpty)
        }
    }

    @Test("what is refused for good is dropped", arguments: [400, 401, 404, 500, 501])
    func final(status: Int) async throws {
        try await TraceSink.run { _ in
            .reply(status: status)
        } _: { url, sink in
            let (tracer, exporter) = try tracing(url)
            try await running(exporter) {
                tracer.begin("root").end()
                try await eventually("it is dropped") { dropped() == ["status \(status)"] }
            }
            #expect(sink.calls == 1)
        }
    }

    @Test(
        "spans that a collector rejects are counted as dropped",
        arguments: [#""1""#, "1"]
    )
    func partial(count: String) async throws {
        let answer =
            #"{"partialSuccess":{"rejectedSpans":"# + count + #","errorMessage":"too old"}}"#
        try await TraceSink.run { _ in
            .json(answer)
        } _: { url, sink in
            let (tracer, exporter) = try tracing(url)
            try await running(exporter) {
                tracer.begin("root").end()
                try await eventually("it is told") {
                    dropped() == ["refused by the collector: too old"]
                }
            }
            #expect(sink.calls == 1)
        }
    }

    @Test("an answer that is no JSON is as good as any")
    func garbage() async throws {
        try await TraceSink.run { _ in
            .reply(status: 200, body: "thanks")
        } _: { url, sink in
            let (tracer, exporter) = try tracing(url)
            try await running(exporter) {
                tracer.begin("root").end()
                try await eventually("it arrives") { sink.calls == 1 }
            }
            #expect(dropped().isEmpty)
        }
    }

    @Test("a collector that never answers keeps the end waiting no longer than its time")
    func hangs() async throws {
        try await TraceSink.run { _ in
            .silence
        } _: { url, sink in
            let (tracer, made) = try tracing(url)
            var exporter = made
            exporter.times.flush = .milliseconds(50)
            try await running(exporter) {
                tracer.begin("root").end()
                try await eventually("a call is under way") { sink.calls == 1 }
            }
            // It ended although no call was answered and one may take a minute.
            #expect(!dropped().isEmpty)
            #expect(sink.spans.isEmpty)
        }
    }

    @Test("a URL that is none is refused at the start")
    func badURL() {
        var config = TracingConfig()
        config.client.url = "ftp://collector"
        #expect(throws: CodedError.self) {
            _ = try Tracing(config, service: "berth-test", logger: Logger(label: "t") { _ in log })
        }
    }
}
