import Synchronization

/// How many connections to targets one gateway may have, as each holds a thread.
final class ThreadBudget: Sendable {
    /// Of the whole process. A thread that waits costs some 30 KiB of memory; Linux itself allows
    /// 32768 for a process by default.
    static let shared = ThreadBudget(limit: 4096)

    private let limit: Int
    private let taken = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// One thread's place, `nil` when there is none.
    func take() -> Seat? {
        let isFree = taken.withLock { taken in
            guard taken < limit else { return false }
            taken += 1
            return true
        }
        return isFree ? Seat(budget: self) : nil
    }

    struct Seat: Sendable {
        fileprivate let budget: ThreadBudget

        /// To be called once.
        func giveBack() { budget.taken.withLock { $0 -= 1 } }
    }
}
