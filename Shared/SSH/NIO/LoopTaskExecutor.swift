package import NIOCore

/// Keeps a task on an event loop, also where it waits.
///
/// Whoever waits for a continuation goes on in the pool, which then brings the task back to its
/// actor, even if that actor lives on the loop that resumed it: two threads woken for one byte.
/// A task that prefers this executor goes on where it was. So does everything it calls that has
/// no actor of its own, which therefore must not block.
package final class LoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    package init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute {
            // The loop is the executor of the actors that live on it: none of them has to be
            // waited for.
            unsafe job.runSynchronously(
                isolatedTo: self.eventLoop.executor.asUnownedSerialExecutor(),
                taskExecutor: self.asUnownedTaskExecutor()
            )
        }
    }
}
