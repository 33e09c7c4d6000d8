import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import MetricsClient
import NIOCore
import SharedHTTP
import Testing

@testable import MetricsdCore

@Suite("The suite on one page")
struct SuitePageTests {
    private func ledger(_ reports: [MetricsReport], at now: ContinuousClock.Instant) throws
        -> MetricsLedger
    {
        var ledger = MetricsLedger()
        for report in reports { _ = ledger.receive(try CheckedReport(report), at: now) }
        return ledger
    }

    private func report(
        _ instance: String,
        epoch: Int64 = 1,
        isFinal: Bool = false,
        problems: [HealthReason]? = []
    ) throws -> MetricsReport {
        var report = try Report(instance: instance, epoch: epoch, isFinal: isFinal).wire()
        report.problems = problems
        return report
    }

    @Test("a process is ready, not ready or silent; one that ended is not shown")
    func states() throws {
        let now = ContinuousClock.now
        let ledger = try ledger(
            [
                report("a"), report("b", problems: [HealthReason(name: "db", reason: "gone")]),
                report("c", isFinal: true), report("d", problems: nil),
            ],
            at: now
        )
        let found = ledger.processes(at: now)
        #expect(found.map(\.instance) == ["a", "b", "d"])
        #expect(found.map(\.isWell) == [true, false, true])
        #expect(found[1].problems == ["db: gone"])
        let later = ledger.processes(at: now + .seconds(16))
        #expect(later.map(\.isSilent) == [true, true, true])
    }

    @Test("a process that was started again is shown once")
    func replaced() throws {
        let now = ContinuousClock.now
        let ledger = try ledger([report("a"), report("a", epoch: 2)], at: now)
        #expect(ledger.processes(at: now).map(\.startedAt) == [2])
    }

    @Test("what is expected and does not report is missing")
    func missing() throws {
        let now = ContinuousClock.now
        let instances = try ledger([report("a")], at: now).processes(at: now)
        let page = SuitePage(expected: ["gateway", "authd"], instances: instances)
        #expect(page.missing == ["authd"])
        #expect(!page.isWell)
        #expect(SuitePage(expected: ["gateway"], instances: instances).isWell)
    }

    @Test("nothing that a process sends becomes markup, and problems have a bound")
    func hostile() throws {
        let now = ContinuousClock.now
        let long = String(repeating: "x", count: 10_000)
        let problems = (0..<100).map { _ in HealthReason(name: "<b>\n", reason: long) }
        let ledger = try ledger([report("<script>'\"&", problems: problems)], at: now)
        let page = SuitePage(expected: [], instances: ledger.processes(at: now))
        #expect(page.instances[0].problems.count == CheckedReport.mostProblems)
        #expect(page.html.utf8.count < 10_000)
        #expect(!page.html.contains("<script>"))
        #expect(!page.html.contains("<b>"))
        #expect(page.html.contains("&lt;script&gt;&#39;&quot;&amp;"))
    }

    @Test("programs get JSON, browsers a page, and the status says whether all is well")
    func routes() async throws {
        let board = MetricsBoard(logger: .silent)
        func get(_ accept: String, expected: [String] = []) async throws -> TestResponse {
            let router = MetricsdRouter.scrape(
                board,
                path: "/metrics",
                expected: expected,
                health: .init(),
                logger: .silent
            )
            return try await Application(responder: router.buildResponder(), logger: .silent)
                .test(.router) { client in
                    try await client.execute(
                        uri: MetricsRoutes.suite,
                        method: .get,
                        headers: [.accept: accept]
                    )
                }
        }
        try board.receive(Array(JSONEncoder().encode(report("a"))))
        let json = try await get("application/json")
        #expect(json.status == .ok)
        #expect(String(buffer: json.body).contains(#""state":"ready""#))
        let page = try await get("text/html,application/xhtml+xml")
        #expect(page.headers[.contentType] == "text/html; charset=utf-8")
        #expect(String(buffer: page.body).contains("<td>gateway</td>"))
        #expect(try await get("*/*", expected: ["authd"]).status == .serviceUnavailable)
    }
}
