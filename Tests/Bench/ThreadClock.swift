import Glibc

/// The CPU time of the calling thread, which other programs on the machine do not disturb much.
struct ThreadClock {
    var now: Duration {
        var time = timespec()
        // Cannot fail with a clock that every Linux has.
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
