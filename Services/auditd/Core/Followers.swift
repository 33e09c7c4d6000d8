import AuditClient
import Synchronization

/// Those who watch running recordings; each is woken when there may be more.
final class Followers: Sendable {
    private struct State {
        var wakers: [RecordingID: [Int: AsyncStream<Void>.Continuation]] = [:]
        var count = 0
        var nextKey = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int

    /// At most `limit` follow at a time.
    init(limit: Int = 64) { self.limit = limit }

    /// One element may stand for any number of changes; ends when there will be no more. `nil`
    /// when too many follow already.
    func follow(_ id: RecordingID) -> Follower? {
        let (signals, continuation) = AsyncStream<Void>.makeStream(
            bufferingPolicy: .bufferingNewest(1)
        )
        let key = state.withLock { state -> Int? in
            guard state.count < limit, !state.isClosed else { return nil }
            state.count += 1
            state.nextKey += 1
            state.wakers[id, default: [:]][state.nextKey] = continuation
            return state.nextKey
        }
        guard let key else { return nil }
        return Follower(signals: signals) { [weak self] in self?.leave(id, key) }
    }

    func wake(_ ids: some Sequence<RecordingID>) {
        let wakers = state.withLock { state in
            ids.flatMap { state.wakers[$0]?.values.map { $0 } ?? [] }
        }
        for waker in wakers { waker.yield() }
    }

    func wakeAll() {
        for waker in state.withLock({ $0.wakers.values.flatMap(\.values) }) { waker.yield() }
    }

    /// Ends all streams, and takes no more.
    func close() {
        let wakers = state.withLock { state in
            state.isClosed = true
            return state.wakers.values.flatMap(\.values)
        }
        for waker in wakers { waker.finish() }
    }

    private func leave(_ id: RecordingID, _ key: Int) {
        state.withLock { state in
            guard state.wakers[id]?.removeValue(forKey: key) != nil else { return }
            state.count -= 1
            if state.wakers[id]?.isEmpty == true { state.wakers[id] = nil }
        }
    }
}

/// One who watches; leaves when it is given up.
final class Follower: Sendable {
    let signals: AsyncStream<Void>
    private let onLeave: @Sendable () -> Void

    init(signals: AsyncStream<Void>, onLeave: @escaping @Sendable () -> Void) {
        self.signals = signals
        self.onLeave = onLeave
    }

    deinit { onLeave() }
}
