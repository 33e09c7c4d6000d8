import NIOCore
import NIOPosix
import Testing

@testable import SharedSSH

@Suite struct LoopTaskExecutorTests {
    @Test("a task that waits goes on where it was, also outside of actors")
    func staysOnItsLoop() async {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let executor = LoopTaskExecutor(loop)
        let places = await Task(executorPreference: executor) {
            await Self.places(around: loop)
        }.value
        #expect(places == [true, true, true])
    }

    /// Whether it runs on `loop`: at first, after another thread has resumed it, and in a child.
    @concurrent
    private static func places(around loop: any EventLoop) async -> [Bool] {
        var places = [loop.inEventLoop]
        await withCheckedContinuation { continuation in
            NIOThreadPool.singleton.submit { _ in continuation.resume() }
        }
        places.append(loop.inEventLoop)
        async let child = loop.inEventLoop
        places.append(await child)
        return places
    }
}
