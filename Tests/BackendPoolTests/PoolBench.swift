import BackendPool
import Synchronization

/// A pool of nothing, with a clock that stands still.
final class PoolBench: Sendable {
    struct Failure: Error {}
    struct TimedOut: Error {}

    private struct State {
        var now = ContinuousClock.now
        var made: [FakeContainer] = []
        var events: [PoolEvent] = []
        var starts = 0
        var starting = 0
        var mostStarting = 0
        var failing = false
        var cancelled = false
        var held = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let box: Box
    let share: PoolShare
    let limits: PoolLimits
    let pool: WarmPool<FakeContainer>

    private final class Box: Sendable {
        let state = Mutex(State())
    }

    init(
        share: PoolShare = .testing(maximum: 4),
        limits: PoolLimits = PoolLimits(total: 8, memory: 0, fillers: 4),
        held: Bool = false
    ) {
        let box = Box()
        box.state.withLock { $0.held = held }
        self.box = box
        self.share = share
        self.limits = limits
        pool = WarmPool(
            limits: limits,
            now: { box.state.withLock { $0.now } },
            observe: { event in box.state.withLock { $0.events.append(event) } }
        )
    }

    var made: [FakeContainer] { box.state.withLock { $0.made } }
    var starts: Int { box.state.withLock { $0.starts } }
    var starting: Int { box.state.withLock { $0.starting } }
    var mostStarting: Int { box.state.withLock { $0.mostStarting } }
    var cancelled: Bool { box.state.withLock { $0.cancelled } }
    var failing: Bool {
        get { box.state.withLock { $0.failing } }
        set { box.state.withLock { $0.failing = newValue } }
    }

    func events(_ isMeant: (PoolEvent) -> Bool) -> Int {
        box.state.withLock { $0.events.count(where: isMeant) }
    }

    func advance(_ time: Duration) { box.state.withLock { $0.now += time } }
    func hold() { box.state.withLock { $0.held = true } }

    func release() {
        let waiters = box.state.withLock { state in
            state.held = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func take(_ key: PoolKey) -> FakeContainer? { pool.take(key, share, make: make) }

    var make: @Sendable () async throws -> FakeContainer {
        { [box] in
            box.state.withLock { state in
                state.starts += 1
                state.starting += 1
                state.mostStarting = max(state.mostStarting, state.starting)
            }
            defer { box.state.withLock { $0.starting -= 1 } }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isHeld = box.state.withLock { state in
                        if state.held { state.waiters.append(continuation) }
                        return state.held
                    }
                    if !isHeld { continuation.resume() }
                }
            } onCancel: {
                box.state.withLock { $0.cancelled = true }
            }
            return try box.state.withLock { state in
                if state.failing { throw Failure() }
                let item = FakeContainer(number: state.made.count)
                state.made.append(item)
                return item
            }
        }
    }

    /// Until `count` containers were made in all and every one of them arrived.
    func wait(for count: Int) async throws {
        try await waitUntil { self.events { $0.isFilled } >= count }
    }

    func waitUntil(_ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while !condition() {
            guard ContinuousClock.now < deadline else { throw TimedOut() }
            await Task.yield()
        }
    }
}

final class FakeContainer: PooledItem {
    let number: Int
    private let state = Mutex((isDead: false, discards: 0))

    init(number: Int) { self.number = number }

    var isReady: Bool { state.withLock { !$0.isDead } }
    var isDiscarded: Bool { state.withLock { $0.discards > 0 } }

    func die() { state.withLock { $0.isDead = true } }
    func discard() async { state.withLock { $0.discards += 1 } }
}

extension PoolShare {
    static func testing(minimum: Int = 0, maximum: Int, memory: Int = 0) -> PoolShare {
        PoolShare(
            minimum: minimum,
            maximum: maximum,
            idle: .seconds(600),
            maximumAge: .seconds(3600),
            memoryEach: memory
        )
    }
}

extension PoolEvent {
    var isHit: Bool { if case .hit = self { true } else { false } }
    var isMiss: Bool { if case .miss = self { true } else { false } }
    var isFilled: Bool { if case .filled = self { true } else { false } }
    var isFailure: Bool { if case .fillFailed = self { true } else { false } }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
