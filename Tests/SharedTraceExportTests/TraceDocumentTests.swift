import SharedTracing
import Testing
import TraceSink

@testable import SharedTraceExport

struct TraceDocumentTests {
    private let resource = TraceResource(service: "berth-authd")

    private func read(_ spans: [FinishedSpan]) throws -> [SunkSpan] {
        let document = TraceDocument.encode(spans, from: resource)
        return try TraceReader.read(String(decoding: document, as: UTF8.self))
    }

    @Test("what is written is what a collector reads")
    func roundTrip() throws {
        let parent = SpanID()
        var span = testSpan(
            "POST /password",
            [
                SpanAttribute(.httpMethod, "POST"), SpanAttribute(.httpStatus, 503),
                SpanAttribute(.user, "ädä \"<&>\\ \u{1}\u{2028}\n漢"),
                SpanAttribute(.serverPort, .integer(.max)), SpanAttribute(.listener, true),
            ]
        )
        span.kind = .client
        span.parent = parent
        span.isParentRemote = true
        span.failure = "503"
        span.context = TraceContext(
            traceID: span.context.traceID,
            spanID: span.context.spanID,
            isSampled: true,
            state: TraceState(["a=b"])
        )
        let read = try #require(try read([span, testSpan("other")]).first)
        #expect(read.service == "berth-authd")
        #expect(read.trace == span.context.traceID.description)
        #expect(read.id == span.context.spanID.description)
        #expect(read.parent == parent.description)
        #expect(read.state == "a=b")
        #expect(read.flags == 0x301)
        #expect(read.name == "POST /password" && read.kind == 3 && read.status == 2)
        #expect(read.start == 1_700_000_000_000_000_001 && read.end == read.start + 1)
        #expect(
            read.attributes == [
                "http.request.method": .string("POST"), "http.response.status_code": .integer(503),
                "enduser.id": .string("ädä \"<&>\\ \u{1}\u{2028}\n漢"),
                "server.port": .integer(.max), "berth.listener": .bool(true),
            ]
        )
    }

    @Test("a root has no parent and no status, and says so to collectors")
    func root() throws {
        let read = try #require(try read([testSpan("root")]).first)
        #expect(read.parent == nil && read.status == 0 && read.flags == 0x101)
        #expect(read.attributes.isEmpty)
    }

    @Test("names of attributes are there once, and are names")
    func keys() {
        #expect(Set(SpanKey.allCases.map(\.rawValue)).count == SpanKey.allCases.count)
        for key in SpanKey.allCases {
            #expect(key.rawValue.wholeMatch(of: /[a-z_]+(\.[a-z_]+)+/) != nil)
        }
    }
}
