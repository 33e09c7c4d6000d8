import SharedTracing
import Testing

@testable import SharedTraceExport

struct SpanQueueTests {
    @Test("a queue holds what it may, drops what comes then, and counts that")
    func bound() {
        let queue = SpanQueue(capacity: 3, batch: 2)
        for number in 0..<5 { queue.take(testSpan("\(number)")) }
        #expect(queue.takeDropped() == 2)
        #expect(queue.takeDropped() == 0)
        #expect(queue.next().map(\.name) == ["0", "1"])
        #expect(queue.next().map(\.name) == ["2"])
        #expect(queue.next().isEmpty)
    }

    @Test("what was taken out makes room")
    func room() {
        let queue = SpanQueue(capacity: 1, batch: 1)
        queue.take(testSpan("first"))
        _ = queue.next()
        queue.take(testSpan("second"))
        #expect(queue.takeDropped() == 0)
        #expect(queue.next().map(\.name) == ["second"])
    }

    @Test("a full batch ends the wait, also when it is full already", .timeLimit(.minutes(2)))
    func wakes() async {
        let queue = SpanQueue(capacity: 10, batch: 2)
        async let waiting: Void = queue.waitForBatch(.seconds(3600))
        queue.take(testSpan("0"))
        queue.take(testSpan("1"))
        await waiting
        await queue.waitForBatch(.seconds(3600))
        #expect(queue.next().count == 2)
    }

    @Test("a cancelled task does not wait", .timeLimit(.minutes(2)))
    func cancelled() async {
        let queue = SpanQueue(capacity: 10, batch: 2)
        let waiting = Task { await queue.waitForBatch(.seconds(3600)) }
        waiting.cancel()
        await waiting.value
    }

    @Test("a pause ends with the queue's end and not with a full batch", .timeLimit(.minutes(2)))
    func pause() async {
        let queue = SpanQueue(capacity: 10, batch: 1)
        queue.take(testSpan("0"))
        let pause = Task { await queue.pause(.seconds(3600)) }
        queue.take(testSpan("1"))
        queue.stop()
        await pause.value
        await queue.waitForBatch(.seconds(3600))
        #expect(queue.next().count == 1)
    }
}
