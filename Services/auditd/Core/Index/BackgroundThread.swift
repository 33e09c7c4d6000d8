import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Runs tasks on one thread of their own, which gets a tenth of the processor time that others get
/// where there is not enough for all (nice(2)): for work that may take long, beside work that may
/// not.
///
/// What those tasks wait for elsewhere, such as a database, runs there as ever.
final class BackgroundThread: TaskExecutor {
    /// For blocking calls that belong to the same work.
    let pool = NIOThreadPool(numberOfThreads: 1)

    init() {
        pool.start()
        #if os(Linux)
            // Of the calling thread alone. Where it fails the work is merely less polite.
            pool.submit { _ in _ = nice(10) }
        #endif
    }

    /// To be called once, when its tasks have ended.
    func end() async throws { try await pool.shutdownGracefully() }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // A pool that has ended calls back at once, so that no task is left waiting for ever.
        pool.submit { _ in
            unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
