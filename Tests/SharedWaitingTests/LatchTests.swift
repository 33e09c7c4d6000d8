import SharedWaiting
import Testing

@Suite("A latch")
struct LatchTests {
    @Test("gives its first value to everyone, early and late")
    func everyone() async throws {
        let latch = Latch<Int>()
        async let early = latch.value()
        latch.settle(.success(1))
        latch.settle(.success(2))
        #expect(try await early == 1)
        #expect(try await latch.value() == 1)
        #expect(latch.isSettled)
    }

    @Test("a cancelled waiter stops waiting, others go on")
    func cancelled() async throws {
        let latch = Latch<Int>()
        let waiter = Task { try await latch.value() }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        latch.settle(.success(3))
        #expect(try await latch.value() == 3)
    }

    private struct Late: Error {}

    @Test("a wait with a limit ends with the error it was given")
    func limit() async {
        let latch = Latch<Int>()
        await #expect(throws: Late.self) {
            try await latch.value(within: .milliseconds(1), late: Late())
        }
    }
}
