import Testing

@testable import AuditdCore

@Suite struct RetryPauseTests {
    @Test("pauses double up to their limit, for ever, and each is half of that or more")
    func growth() {
        var pause = RetryPause()
        for failure in 1...5000 {
            let full = min(60_000, 500.0 * Double(1 << min(failure - 1, 20)))
            let time = pause.failed(first: .milliseconds(500), limit: .seconds(60))
            let milliseconds = time / .milliseconds(1)
            #expect((full / 2...full).contains(milliseconds), "\(failure): \(time)")
        }
        #expect(pause.failures == 5000)
        pause.succeeded()
        #expect(pause.failed(first: .milliseconds(500), limit: .seconds(60)) <= .milliseconds(500))
    }

    @Test("those who fail together do not come back together")
    func jitter() {
        let pauses = (0..<50).map { _ in
            var pause = RetryPause()
            return pause.failed(first: .seconds(1), limit: .seconds(60))
        }
        #expect(Set(pauses).count > 40)
    }

    @Test("the first failure of a row is told, then ever fewer")
    func notable() {
        var pause = RetryPause()
        var told: [Int] = []
        for failure in 1...100 {
            _ = pause.failed(first: .seconds(1), limit: .seconds(60))
            if pause.isNotable { told.append(failure) }
        }
        #expect(told == [1, 2, 4, 8, 16, 32, 64])
    }
}
