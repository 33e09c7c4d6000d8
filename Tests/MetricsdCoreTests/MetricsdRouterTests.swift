import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import MetricsClient
import NIOCore
import SharedHTTP
import SharedModels
import Testing

@testable import MetricsdCore

@Suite struct MetricsdRouterTests {
    private let board = MetricsBoard(
        limits: {
            var limits = MetricsLedger.Limits()
            limits.sources = 2
            return limits
        }(),
        logger: .silent
    )

    private func ingest(
        _ body: ByteBuffer,
        method: HTTPRequest.Method = .post
    ) async throws -> TestResponse {
        let router = MetricsdRouter.ingest(board, health: .init(), logger: .silent)
        return try await Application(responder: router.buildResponder(), logger: .silent)
            .test(.router) { client in
                try await client.execute(uri: MetricsRoutes.report, method: method, body: body)
            }
    }

    private func ingest(_ report: Report) async throws -> TestResponse {
        try await ingest(ByteBuffer(bytes: JSONEncoder().encode(report.wire())))
    }

    private func scrape(
        _ path: String = "/metrics",
        method: HTTPRequest.Method = .get,
        accept: String? = nil
    ) async throws -> TestResponse {
        let router = MetricsdRouter.scrape(
            board,
            path: "/metrics",
            health: .init(),
            logger: .silent
        )
        return try await Application(responder: router.buildResponder(), logger: .silent)
            .test(.router) { client in
                let headers: HTTPFields = accept.map { [.accept: $0] } ?? [:]
                return try await client.execute(uri: path, method: method, headers: headers)
            }
    }

    private func code(_ response: TestResponse) throws -> String {
        try JSONDecoder().decode(ErrorBody.self, from: Data(response.body.readableBytesView)).code
    }

    @Test("a report that is taken shows in the next scrape")
    func reportAndScrape() async throws {
        let taken = try await ingest(Report(connections: 3))
        #expect(taken.status == .noContent)
        let page = try await scrape()
        #expect(page.status == .ok)
        #expect(page.headers[.contentType] == Exposition.openMetrics.contentType)
        let text = String(buffer: page.body)
        #expect(text.contains("containerssh_ssh_connections_total{country=\"XX\"} 3.000000\n"))
        #expect(text.contains("berth_metrics_reporting_instances{daemon=\"gateway\"} 1.000000\n"))
        #expect(text.hasSuffix("# EOF\n"))
    }

    @Test("every metric of the catalogue has its comment lines, in its order, before any report")
    func emptyScrape() async throws {
        let text = String(buffer: try await scrape().body)
        let types = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(
            types.map(String.init)
                == MetricCatalogue.all.map { metric in
                    "# TYPE \(metric.name) \(metric.kind.name)"
                }
        )
    }

    @Test("plain text is given to a scraper that asks for it alone")
    func plainText() async throws {
        let page = try await scrape(accept: "text/plain")
        #expect(page.headers[.contentType] == Exposition.prometheus.contentType)
        #expect(!String(buffer: page.body).contains("# EOF"))
    }

    @Test("the path is matched exactly, whatever the method and the query")
    func paths() async throws {
        #expect(try await scrape("/metrics?name=x", method: .post).status == .ok)
        let head = try await scrape(method: .head)
        #expect(head.status == .ok)
        #expect(head.body.readableBytes == 0)
        #expect(try await scrape("/metric").status == .notFound)
    }

    @Test(
        "what is no report is refused with a code and changes nothing",
        arguments: [
            "", "{", "[]", "null", "{\"version\":1}", "\u{0}\u{1}",
            String(repeating: "[", count: 100_000),
            #"{"version":1,"daemon":"gateway","instance":"a","epoch":1e400}"#,
        ]
    )
    func hostile(body: String) async throws {
        let before = board.families()
        let response = try await ingest(ByteBuffer(string: body))
        #expect(response.status == .badRequest)
        #expect(try code(response) == "METRICSD_REPORT_INVALID")
        #expect(board.families() == before)
    }

    @Test("a report cut off at any byte is refused")
    func truncated() async throws {
        let body = try JSONEncoder().encode(Report(connections: 3, seconds: [1]).wire())
        for length in body.indices {
            let response = try await ingest(ByteBuffer(bytes: body.prefix(length)))
            #expect(response.status == .badRequest)
        }
        #expect(board.families().flatMap(\.samples).count == 1)
    }

    @Test("a body above the limit is refused before it is decoded")
    func tooLarge() async throws {
        let body = ByteBuffer(repeating: UInt8(ascii: " "), count: MetricsRoutes.longestReport + 1)
        #expect(try await ingest(body).status == .contentTooLarge)
    }

    @Test("a process that was closed gets 409, one too many 503")
    func refusals() async throws {
        _ = try await ingest(Report(instance: "a", isFinal: true))
        let late = try await ingest(Report(instance: "a", sequence: 2))
        #expect(late.status == .conflict)
        #expect(try code(late) == "METRICSD_REPORT_STALE")
        _ = try await ingest(Report(instance: "b"))
        _ = try await ingest(Report(instance: "c"))
        let full = try await ingest(Report(instance: "d"))
        #expect(full.status == .serviceUnavailable)
        #expect(try code(full) == "METRICSD_FULL")
    }

    @Test("a refusal is logged once a minute, not once a request")
    func sparseLog() {
        let log = LogRecorder()
        let board = MetricsBoard(logger: log.logger)
        for _ in 0..<100 {
            #expect(throws: ReportRefusal.self) { try board.receive([]) }
        }
        #expect(log.codes == ["METRICSD_REPORT_INVALID"])
    }
}
