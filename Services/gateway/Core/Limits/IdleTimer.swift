import NIOCore
import Synchronization

/// Fires once when nobody has touched it for a time.
///
/// A touch only stores the time; the timer looks at it when it is due, and waits for the rest.
final class IdleTimer: Sendable {
    private let time: Int64
    private let loop: any EventLoop
    private let whenIdle: @Sendable () -> Void
    private let touched = Atomic<UInt64>(0)
    private let scheduled = Mutex<Scheduled<Void>?>(nil)
    private let isOver = Atomic(false)

    /// `whenIdle` is called on the loop, after `cancel()` no more.
    init(after time: Duration, on loop: any EventLoop, whenIdle: @escaping @Sendable () -> Void) {
        self.time = TimeAmount(time).nanoseconds
        self.loop = loop
        self.whenIdle = whenIdle
        touch()
        schedule(in: self.time)
    }

    func touch() {
        touched.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
    }

    func cancel() {
        isOver.store(true, ordering: .relaxed)
        scheduled.withLock { $0?.cancel() }
    }

    private func schedule(in nanoseconds: Int64) {
        let next = loop.scheduleTask(in: .nanoseconds(nanoseconds)) { [weak self] in
            if let self { self.check() }
        }
        scheduled.withLock { $0 = next }
    }

    private func check() {
        guard !isOver.load(ordering: .relaxed) else { return }
        let last = touched.load(ordering: .relaxed)
        let idle = Int64(NIODeadline.now().uptimeNanoseconds &- last)
        guard idle >= time else { return schedule(in: time - idle) }
        isOver.store(true, ordering: .relaxed)
        whenIdle()
    }
}
