import SharedMessages
import Synchronization
import Testing

@testable import AuthOAuth2

@Suite("Work that goes on between two questions", .timeLimit(.minutes(2)))
struct OngoingTests {
    private final class Starts: Sendable {
        let count = Mutex(0)
    }

    @Test("whoever asks in the meantime waits for the same work")
    func shared() async throws {
        let ongoing = Ongoing<Int>()
        let starts = Starts()
        let values = try await withThrowingTaskGroup(of: Int?.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await ongoing.value(of: "key", within: .seconds(90)) { _ in
                        starts.count.withLock { $0 += 1 }
                        await Task.yield()
                        return 7
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == Array(repeating: 7, count: 20))
        #expect(starts.count.withLock { $0 } == 1)
    }

    @Test("nothing but works that are wanted or done is kept, and no more than there is room for")
    func bounded() async throws {
        let ongoing = Ongoing<Int>(capacity: 3)
        for key in 0..<3 {
            _ = try await ongoing.value(of: "\(key)", within: .seconds(90)) { _ in key }
        }
        let error = await #expect(throws: CodedError.self) {
            _ = try await ongoing.value(of: "more", within: .seconds(90)) { _ in 4 }
        }
        #expect(error?.code == .authOAuth2Busy)
        #expect(error?.isRetryable == true)
    }

    @Test("work that nobody asks for any more is told so, and makes room")
    func unwanted() async throws {
        let ongoing = Ongoing<Int>(capacity: 1, patience: .milliseconds(1))
        // It ends by itself, before or after the wait for it.
        let first = try? await ongoing.value(of: "a", within: .milliseconds(1)) { isWanted in
            while isWanted() { await Task.yield() }
            throw CancellationError()
        }
        #expect(first == nil)
        var second: Int?
        while second == nil {
            second = try? await ongoing.value(of: "b", within: .seconds(90)) { _ in 5 }
            await Task.yield()
        }
        #expect(second == 5)
    }
}
