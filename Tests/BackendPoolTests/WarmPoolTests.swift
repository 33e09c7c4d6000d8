import BackendPool
import SharedConfig
import Synchronization
import Testing

@Suite("A warm pool")
struct WarmPoolTests {
    private let key = PoolKey(hashing: [[1], [2, 3]])

    @Test("a miss makes the pool expect more, and a waiting container is given once")
    func hitAfterMiss() async throws {
        let bench = PoolBench()
        #expect(bench.take(key) == nil)
        try await bench.wait(for: 1)
        let first = try #require(bench.take(key))
        try await bench.wait(for: 2)
        let second = try #require(bench.take(key))
        #expect(first.number != second.number)
        #expect(bench.events { $0.isHit } == 2)
        #expect(bench.events { $0.isMiss } == 1)
    }

    @Test("one configuration's containers never serve another")
    func keysApart() async throws {
        let bench = PoolBench()
        _ = bench.take(key)
        try await bench.wait(for: 1)
        #expect(bench.take(PoolKey(hashing: [[1, 2], [3]])) == nil)
        #expect(PoolKey(hashing: [[1, 2], [3]]) != key)
        #expect(PoolKey(hashing: [[1], [2, 3]]) == key)
    }

    @Test("a container that died while it waited is not given")
    func deadOnes() async throws {
        let bench = PoolBench()
        _ = bench.take(key)
        try await bench.wait(for: 1)
        bench.made.first?.die()
        #expect(bench.take(key) == nil)
        try await bench.waitUntil { bench.made.first?.isDiscarded == true }
    }

    @Test("the number that waits follows demand up to the maximum, and falls when nobody comes")
    func followsDemand() async throws {
        let bench = PoolBench(share: .testing(maximum: 3), held: true)
        for _ in 0..<10 { _ = bench.take(key) }
        bench.release()
        try await bench.wait(for: 3)
        bench.pool.maintain()
        #expect(bench.pool.waiting == 3)
        bench.advance(.seconds(61))
        bench.pool.maintain()
        try await bench.waitUntil { bench.pool.waiting == 1 }
        bench.advance(.seconds(600))
        bench.pool.maintain()
        try await bench.waitUntil { bench.made.filter { $0.isDiscarded }.count == 3 }
        #expect(bench.pool.waiting == 0)
    }

    @Test("the minimum waits from the start, and is replaced when it is old")
    func minimum() async throws {
        let bench = PoolBench(share: .testing(minimum: 2, maximum: 4))
        bench.pool.keep(key, bench.share, make: bench.make)
        try await bench.wait(for: 2)
        let old = bench.made
        bench.advance(.seconds(3601))
        bench.pool.maintain()
        try await bench.waitUntil { old.allSatisfy { $0.isDiscarded } && bench.pool.waiting == 2 }
    }

    @Test("the pool as a whole keeps its bounds, and gives way to the configuration in use")
    func totalBound() async throws {
        let bench = PoolBench(limits: PoolLimits(total: 2, memory: 0, fillers: 4), held: true)
        let other = PoolKey(hashing: [[9]])
        for _ in 0..<4 { _ = bench.take(key) }
        bench.release()
        try await bench.wait(for: 2)
        _ = bench.take(other)
        #expect(bench.pool.waiting == 2, "a configuration in use was robbed")
        bench.advance(.seconds(61))
        _ = bench.take(other)
        try await bench.waitUntil { bench.made.count == 3 && bench.pool.waiting == 2 }
        #expect(bench.take(other) != nil)
    }

    @Test("memory is a bound of its own")
    func memoryBound() async throws {
        let share = PoolShare.testing(maximum: 8, memory: 400)
        let limits = PoolLimits(total: 9, memory: 1000, fillers: 9)
        let bench = PoolBench(share: share, limits: limits, held: true)
        for _ in 0..<8 { _ = bench.take(key) }
        bench.release()
        try await bench.wait(for: 2)
        bench.pool.maintain()
        #expect(bench.made.count == 2)
    }

    @Test("no more are started at a time than fillers")
    func fillers() async throws {
        let bench = PoolBench(limits: PoolLimits(total: 9, memory: 0, fillers: 2), held: true)
        for _ in 0..<6 { _ = bench.take(key) }
        try await bench.waitUntil { bench.starting == 2 }
        bench.pool.maintain()
        #expect(bench.starting == 2)
        bench.release()
        try await bench.wait(for: 4)
        #expect(bench.mostStarting == 2)
    }

    @Test("a failure is tried again later and later, not at once")
    func backOff() async throws {
        let bench = PoolBench()
        bench.failing = true
        _ = bench.take(key)
        try await bench.waitUntil { bench.events { $0.isFailure } == 1 }
        bench.pool.maintain()
        #expect(bench.starts == 1)
        bench.advance(.seconds(1))
        bench.pool.maintain()
        try await bench.waitUntil { bench.events { $0.isFailure } == 2 }
        bench.advance(.seconds(1))
        bench.pool.maintain()
        #expect(bench.starts == 2)
        bench.failing = false
        bench.advance(.seconds(1))
        bench.pool.maintain()
        try await bench.wait(for: 1)
    }

    @Test("a closed pool has removed everything, also what was being started, and gives nothing")
    func closing() async throws {
        let bench = PoolBench(limits: PoolLimits(total: 9, memory: 0, fillers: 1))
        _ = bench.take(key)
        try await bench.wait(for: 1)
        bench.hold()
        for _ in 0..<2 { _ = bench.take(key) }
        try await bench.waitUntil { bench.starting == 1 }
        let taken = bench.made.count - bench.pool.waiting
        async let closed: Void = bench.pool.close()
        try await bench.waitUntil { bench.cancelled || bench.starting == 0 }
        bench.release()
        await closed
        #expect(bench.made.filter { $0.isDiscarded }.count == bench.made.count - taken)
        #expect(bench.pool.waiting == 0)
        #expect(bench.take(key) == nil)
        #expect(bench.starting == 0)
    }

    @Test("without a maximum there is no pool")
    func off() {
        let bench = PoolBench(share: .testing(maximum: 0))
        #expect(bench.take(key) == nil)
        #expect(bench.starts == 0)
    }

    @Test("takes, deaths and time in any order leave nothing behind", arguments: 0..<8)
    func anyOrder(seed: UInt64) async throws {
        var random = SeededNumbers(seed: seed)
        let bench = PoolBench(share: .testing(minimum: 1, maximum: 4))
        var owned: [Int] = []
        for _ in 0..<400 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0...2:
                let key = PoolKey(hashing: [[UInt8.random(in: 0..<5, using: &random)]])
                if let item = bench.take(key) { owned.append(item.number) }
            case 3: bench.made.randomElement(using: &random)?.die()
            case 4: bench.advance(.seconds(Int.random(in: 0..<120, using: &random)))
            default: bench.pool.maintain()
            }
            if Bool.random(using: &random) { await Task.yield() }
            #expect(bench.pool.waiting <= bench.limits.total)
        }
        await bench.pool.close()
        #expect(Set(owned).count == owned.count, "one container was given twice")
        for item in bench.made {
            #expect(item.isDiscarded != owned.contains(item.number), "\(item.number)")
        }
    }
}
