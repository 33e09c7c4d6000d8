import InMemoryLogging
import Logging
import SharedMessages
import SharedTracing
import Synchronization
import Testing

@testable import SharedTraceExport

@Suite(.timeLimit(.minutes(5))) struct SpanExporterTests {
    private let log = InMemoryLogHandler()
    private let queue = SpanQueue(capacity: 8, batch: 2)

    private func exporter(_ send: @escaping SpanExporter.Send) -> SpanExporter {
        SpanExporter(
            queue: queue,
            times: .init(
                interval: .milliseconds(1),
                call: .seconds(60),
                flush: .seconds(60),
                firstPause: .milliseconds(1),
                longestPause: .milliseconds(2),
                longestWish: .milliseconds(2),
                logPause: .zero
            ),
            logger: Logger(label: "tracing") { _ in log },
            send: send
        )
    }

    private func lines(_ code: MessageCode) -> [Logger.Metadata] {
        log.entries.map(\.metadata).filter { $0["code"] == .string(code.id) }
    }

    private final class Sent: Sendable {
        private let batches = Mutex<[[String]]>([])
        var all: [[String]] { batches.withLock { $0 } }
        /// Which call it is, counted from 0.
        func add(_ spans: [FinishedSpan]) -> Int {
            batches.withLock { batches in
                batches.append(spans.map(\.name))
                return batches.count - 1
            }
        }
    }

    private let sent = Sent()

    @Test("spans go in batches, in their order")
    func batches() async throws {
        for number in 0..<5 { queue.take(testSpan("\(number)")) }
        try await running(
            exporter { [sent] spans, _ throws(ExportFailure) in
                _ = sent.add(spans)
                return .init()
            }
        ) {
            try await eventually("all are sent") { sent.all.joined().count == 5 }
        }
        #expect(sent.all == [["0", "1"], ["2", "3"], ["4"]])
        #expect(log.entries.isEmpty)
    }

    @Test("a collector that comes back gets the batch it did not take")
    func retry() async throws {
        queue.take(testSpan("0"))
        try await running(
            exporter { [sent] spans, _ throws(ExportFailure) in
                guard sent.add(spans) >= 3 else {
                    throw ExportFailure("away", retryAfter: .milliseconds(1))
                }
                return .init()
            }
        ) {
            try await eventually("it recovers") { !lines(.tracingExportRecovered).isEmpty }
        }
        #expect(sent.all == [["0"], ["0"], ["0"], ["0"]])
        #expect(lines(.tracingExportFailed).count == 1)
        #expect(lines(.tracingSpansDropped).isEmpty)
    }

    @Test("a batch that is never taken is given up, counted, and said")
    func givenUp() async throws {
        queue.take(testSpan("0"))
        queue.take(testSpan("1"))
        try await running(
            exporter { [sent] spans, _ throws(ExportFailure) in
                _ = sent.add(spans)
                throw ExportFailure("away")
            }
        ) {
            try await eventually("it gives up") { !lines(.tracingSpansDropped).isEmpty }
        }
        #expect(sent.all.count == 6)
        let line = try #require(lines(.tracingSpansDropped).first)
        #expect("\(line["dropped"] ?? "")" == "2" && line["reason"] == "away")
    }

    @Test("what a collector refuses is not sent again")
    func refused() async throws {
        queue.take(testSpan("0"))
        try await running(
            exporter { [sent] spans, _ throws(ExportFailure) in
                _ = sent.add(spans)
                throw ExportFailure("status 400", isRetryable: false)
            }
        ) {
            try await eventually("it is dropped") { !lines(.tracingSpansDropped).isEmpty }
        }
        #expect(sent.all == [["0"]])
    }

    @Test("while a call hangs, what no longer fits is dropped and nobody waits")
    func hangs() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        queue.take(testSpan("0"))
        let exporter = exporter { [sent] spans, _ throws(ExportFailure) in
            _ = sent.add(spans)
            for await _ in released {}
            return .init()
        }
        try await running(exporter) {
            try await eventually("a call is under way") { sent.all.count == 1 }
            for number in 1...20 { queue.take(testSpan("\(number)")) }
            #expect(queue.takeDropped() == 12)
            release.finish()
        }
        #expect(sent.all.joined().count == 9)
    }

    @Test("what is left at the end is sent")
    func flush() async throws {
        let exporter = exporter { [sent] spans, _ throws(ExportFailure) in
            _ = sent.add(spans)
            return .init()
        }
        try await running(exporter) {
            for number in 0..<7 { queue.take(testSpan("\(number)")) }
        }
        #expect(sent.all.joined().sorted() == (0..<7).map { "\($0)" })
    }

    @Test("an end in the middle of a pause tries once more, at once")
    func endsPause() async throws {
        queue.take(testSpan("0"))
        var exporter = exporter { [sent] spans, _ throws(ExportFailure) in
            guard sent.add(spans) > 0 else { throw ExportFailure("away") }
            return .init()
        }
        exporter.times.firstPause = .seconds(3600)
        exporter.times.longestPause = .seconds(3600)
        try await running(exporter) {
            try await eventually("it pauses") { !lines(.tracingExportFailed).isEmpty }
        }
        #expect(sent.all == [["0"], ["0"]])
        #expect(lines(.tracingSpansDropped).isEmpty)
    }

    @Test("the end lets a call finish that is under way")
    func endsCall() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        queue.take(testSpan("0"))
        let exporter = exporter { [sent] spans, _ throws(ExportFailure) in
            _ = sent.add(spans)
            for await _ in released {}
            return .init()
        }
        try await running(exporter) {
            try await eventually("a call is under way") { sent.all.count == 1 }
            // Comes about when the process is told to stop, before or after.
            Task { release.finish() }
        }
        #expect(sent.all == [["0"]])
        #expect(lines(.tracingSpansDropped).isEmpty)
    }

    @Test("the end cuts off what takes longer than its time, and says what is lost")
    func flushFails() async throws {
        for number in 0..<8 { queue.take(testSpan("\(number)")) }
        var exporter = exporter { [sent] spans, time throws(ExportFailure) in
            _ = sent.add(spans)
            // Until the end cuts it off.
            try? await Task.sleep(for: .seconds(3600))
            throw ExportFailure("no answer")
        }
        exporter.times.flush = .milliseconds(50)
        try await running(exporter) {
            try await eventually("the first call is under way") { sent.all.count == 1 }
        }
        #expect(sent.all == [["0", "1"]])
        let dropped = lines(.tracingSpansDropped).compactMap { Int("\($0["dropped"] ?? "")") }
        #expect(dropped.reduce(0, +) == 8)
    }
}
