import NIOCore
import NIOPosix
import SharedWaiting
import Synchronization
import Testing

@Suite("Waiting on an event loop")
struct LoopWaiterTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test("registers and returns on the loop")
    func inPlace() async throws {
        let caller = LoopCaller(on: loop)
        let wasOnLoop = try await caller.waitOnce()
        #expect(wasOnLoop.registering && wasOnLoop.returning)
    }

    @Test("a cancelled wait ends")
    func cancelled() async throws {
        let latch = Mutex<CheckedContinuation<Void, any Error>?>(nil)
        let waiter = LoopWaiter(on: loop)
        let task = Task {
            try await waiter.wait { (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                latch.withLock { $0 = continuation }
            } onCancel: {
                latch.withLock { $0.take() }?.resume(throwing: CancellationError())
            }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

/// Somebody who lives on the loop.
private actor LoopCaller {
    private nonisolated let loop: any EventLoop
    private let waiter: LoopWaiter

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.executor.asUnownedSerialExecutor()
    }

    init(on loop: any EventLoop) {
        self.loop = loop
        waiter = LoopWaiter(on: loop)
    }

    func waitOnce() async throws -> (registering: Bool, returning: Bool) {
        let registering = Mutex(false)
        let loop = loop
        try await waiter.wait { (continuation: CheckedContinuation<Void, any Error>) in
            registering.withLock { $0 = loop.inEventLoop }
            loop.scheduleTask(in: .milliseconds(1)) { continuation.resume() }
        } onCancel: {
        }
        return (registering.withLock { $0 }, loop.inEventLoop)
    }
}
