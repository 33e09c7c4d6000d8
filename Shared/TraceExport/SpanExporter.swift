import CoreMetrics
import Logging
import ServiceLifecycle
import SharedLogging
import SharedMessages
import SharedTracing

/// Sends the spans of a queue to a collector, batch after batch, from `run()` until the graceful
/// shutdown; then it tries once, for a short time, to send what is left.
///
/// While the collector does not take a batch, that batch is sent again with growing pauses, and given
/// up after some tries; what comes meanwhile waits in the queue or is dropped there. Nobody else
/// notices any of it.
package struct SpanExporter: Service {
    /// Delivers one batch; ends within the time.
    typealias Send = @Sendable ([FinishedSpan], Duration) async throws(ExportFailure) -> Delivery

    /// What became of a batch that was answered.
    struct Delivery: Sendable {
        /// Spans that the collector did not want.
        var refused = 0
        var reason = ""
    }

    struct Times: Sendable {
        /// How long a span waits for others.
        var interval: Duration
        /// For one call.
        var call: Duration
        /// For all that is left at the end.
        var flush: Duration = .seconds(3)
        /// After the first failure; twice as long after each more.
        var firstPause: Duration = .seconds(1)
        var longestPause: Duration = .seconds(30)
        /// A collector may ask for so much, and no more.
        var longestWish: Duration = .seconds(120)
        /// Between two lines about spans that were dropped.
        var logPause: Duration = .seconds(60)
    }

    private static let mostTries = 6

    let queue: SpanQueue
    var times: Times
    let logger: Logger
    let send: Send

    package func run() async throws {
        let work = Work(queue: queue, counters: TraceCounters(), logger: logger, times.logPause)
        let end = await withTaskGroup(of: ContinuousClock.Instant?.self) { group in
            group.addTask {
                await export(work)
                return nil
            }
            group.addTask { await timeAtEnd() }
            // The end comes first, then what is under way, unless that takes too long.
            let first = await group.next() ?? nil
            let end = first ?? .now + times.flush
            group.addTask {
                try? await Task.sleep(until: end, clock: .continuous)
                return nil
            }
            _ = await group.next()
            group.cancelAll()
            return end
        }
        guard !Task.isCancelled else { return }
        await flush(work, until: end)
    }

    /// Waits for the graceful shutdown, and says until when everything has to be over.
    private func timeAtEnd() async -> ContinuousClock.Instant {
        try? await gracefulShutdown()  // a cancelled task is at its end too
        queue.stop()
        return .now + times.flush
    }

    private func export(_ work: Work) async {
        while !queue.isStopping {
            await queue.waitForBatch(times.interval)
            repeat {
                await work.reportDrops()
                guard await work.takeBatch() else { break }
                await deliver(work)
            } while !queue.isStopping
        }
    }

    /// Sends the batch until it is taken or given up; at the end it stays.
    private func deliver(_ work: Work) async {
        var pause = times.firstPause
        for attempt in 1... {
            do throws(ExportFailure) {
                return await work.delivered(try await send(work.batch, times.call))
            } catch {
                guard !error.isRetryable || !queue.isStopping else { return }
                guard error.isRetryable, attempt < Self.mostTries else {
                    return await work.gaveUp(error)
                }
                await work.failed(error)
                await work.reportDrops()
                let wish = min(error.retryAfter ?? .zero, times.longestWish)
                await queue.pause(max(wish, pause * Double.random(in: 0.5...1)))
                guard !queue.isStopping else { return }
                pause = min(pause * 2, times.longestPause)
            }
        }
    }

    private func flush(_ work: Work, until end: ContinuousClock.Instant) async {
        repeat {
            guard await work.takeBatch() else { break }
            do throws(ExportFailure) {
                let left = end - .now
                guard left > .zero else { throw ExportFailure("the time at the end is over") }
                await work.delivered(try await send(work.batch, min(left, times.call)))
            } catch {
                await work.gaveUp(error)
                if error.isRetryable { await work.giveUpRest(error) }
            }
        } while !Task.isCancelled
        await work.reportDrops(isLast: true)
    }
}

/// Why a batch was not taken.
struct ExportFailure: Error {
    var reason: String
    var isRetryable = true
    /// How long the collector wants to be left alone.
    var retryAfter: Duration?

    init(_ reason: String, isRetryable: Bool = true, retryAfter: Duration? = nil) {
        self.reason = reason
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
    }
}

extension SpanExporter {
    /// The batch that is under way, and what is to be counted and said.
    fileprivate actor Work {
        private(set) var batch: [FinishedSpan] = []
        private let queue: SpanQueue
        private let counters: TraceCounters
        private let logger: Logger
        private let logPause: Duration
        private var isFailing = false
        private var dropped: [String: Int] = [:]
        private var lastLine: ContinuousClock.Instant?

        init(
            queue: SpanQueue,
            counters: TraceCounters,
            logger: Logger,
            _ logPause: Duration
        ) {
            self.queue = queue
            self.counters = counters
            self.logger = logger
            self.logPause = logPause
            queue.count(drops: counters.full)
        }

        /// Takes the next batch unless there is one still; false if there is nothing to send.
        func takeBatch() -> Bool {
            if batch.isEmpty { batch = queue.next() }
            return !batch.isEmpty
        }

        func delivered(_ delivery: Delivery) {
            counters.exported.increment(by: max(batch.count - delivery.refused, 0))
            if delivery.refused > 0 {
                counters.refused.increment(by: delivery.refused)
                drop(delivery.refused, "refused by the collector: \(delivery.reason)")
            }
            batch = []
            if isFailing { logger.emit(.tracingExportRecovered) }
            isFailing = false
        }

        func failed(_ failure: ExportFailure) {
            if !isFailing { logger.emit(.tracingExportFailed, ["reason": "\(failure.reason)"]) }
            isFailing = true
        }

        func gaveUp(_ failure: ExportFailure) {
            failed(failure)
            let counter = failure.isRetryable ? counters.undelivered : counters.refused
            counter.increment(by: batch.count)
            drop(batch.count, failure.reason)
            batch = []
        }

        func giveUpRest(_ failure: ExportFailure) {
            while takeBatch() { gaveUp(failure) }
        }

        /// Says what was dropped, if the last line about it is long ago.
        func reportDrops(isLast: Bool = false) {
            let full = queue.takeDropped()
            if full > 0 { drop(full, "the queue is full") }
            let isDue = lastLine.map { .now - $0 >= logPause } ?? true
            guard !dropped.isEmpty, isDue || isLast else { return }
            for (reason, count) in dropped.sorted(by: { $0.key < $1.key }) {
                logger.emit(
                    .tracingSpansDropped,
                    ["dropped": .stringConvertible(count), "reason": "\(reason)"]
                )
            }
            dropped = [:]
            lastLine = .now
        }

        private func drop(_ count: Int, _ reason: String) {
            // A collector may give another reason every time.
            let key = dropped.count < 8 || dropped[reason] != nil ? reason : "other reasons"
            dropped[key, default: 0] += count
        }
    }
}
