import Testing

@testable import AuditClient

@Suite("Interruption", .timeLimit(.minutes(5)))
struct InterruptionTests {
    private let pause = Interruption()

    @Test("a pause ends when it is cut short, before it has begun too")
    func cutShort() async {
        async let waiting: Void = pause.wait(.seconds(100_000))
        pause.end()
        await waiting
    }

    @Test("what was cut short once is a pause again")
    func again() async {
        pause.end()
        await pause.wait(.seconds(100_000))
        await pause.wait(.milliseconds(1))
        async let waiting: Void = pause.wait(.seconds(100_000))
        pause.end()
        await waiting
    }

    @Test("a pause ends with its task")
    func cancelled() async {
        let task = Task { await pause.wait(.seconds(100_000)) }
        task.cancel()
        await task.value
    }
}
