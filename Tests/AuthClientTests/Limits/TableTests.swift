import SharedConfig
import Testing

@testable import AuthClient

@Suite("Bounded tables")
struct TableTests {
    private let start = ContinuousClock.now

    @Test("a full table forgets what was not used for the longest time")
    func leastRecentlyUsed() {
        var table = BoundedTable<Int, String>(capacity: 3)
        for key in 1...3 { table.set(key, "\(key)") }
        table.set(1, "again")
        table.set(4, "4")
        #expect(table[2] == nil)
        #expect([table[1], table[3], table[4]] == ["again", "3", "4"])
        #expect(table.last?.key == 3)
        #expect(table.count == 3)
    }

    @Test("a table stays within its bound and consistent, whatever happens to it")
    func churn() {
        var table = BoundedTable<Int, Int>(capacity: 50)
        var generator = SystemRandomNumberGenerator()
        for round in 0..<20_000 {
            let key = Int.random(in: 0..<200, using: &generator)
            if round % 3 == 0 { table.remove(key) } else { table.set(key, round) }
            #expect(table.count <= 50)
        }
        var left = 0
        while let last = table.last {
            table.remove(last.key)
            left += 1
        }
        #expect(left <= 50)
        #expect(table.count == 0)
    }

    @Test("a rate allows its count at once, then one more for each share of the time")
    func rate() {
        var rates = RateTable<String>(capacity: 8)
        let limit = RateLimit(count: 2, window: .seconds(10))
        func take(_ key: String, after seconds: Int) -> Bool {
            rates.take(key, limit, at: start + .seconds(seconds))
        }
        #expect(take("a", after: 0))
        #expect(take("a", after: 0))
        #expect(!take("a", after: 0))
        #expect(take("b", after: 0))
        #expect(!take("a", after: 4))
        #expect(take("a", after: 6))
        #expect(!take("a", after: 6))
    }

    @Test("no rate limits nothing")
    func noRate() {
        var rates = RateTable<String>(capacity: 1)
        for _ in 0..<1000 {
            let isAllowed = rates.take("a", .none, at: start)
            #expect(isAllowed)
        }
    }

    @Test("what users and sources have is counted and given back")
    func ledger() {
        var ledger = UseLedger(capacity: 16)
        var limits = UseLimits()
        limits.userSessions = 2
        limits.sourceSessions = 3
        limits.sessions = 4
        func session(_ id: String, _ user: String, _ source: String = "192.0.2.1/32") -> Use {
            Use(id: id, kind: .session, user: user, source: source)
        }
        #expect(ledger.admit(session("1", "ann"), limits, at: start) == nil)
        #expect(ledger.admit(session("2", "ann"), limits, at: start) == nil)
        let third = ledger.admit(session("3", "ann"), limits, at: start)
        #expect(third == UseRefusal(.userSessions, current: 2, maximum: 2))
        #expect(ledger.admit(session("4", "bob"), limits, at: start) == nil)
        let fourth = ledger.admit(session("5", "cid"), limits, at: start)
        #expect(fourth == UseRefusal(.sourceSessions, current: 3, maximum: 3))
        #expect(ledger.admit(session("6", "cid", ""), limits, at: start) == nil)
        let fifth = ledger.admit(session("7", "dan", ""), limits, at: start)
        #expect(fifth == UseRefusal(.sessions, current: 4, maximum: 4))
        ledger.release(session("1", "ann"))
        #expect(ledger.admit(session("8", "ann"), limits, at: start) == nil)
    }

    @Test("sessions that come too fast are refused for the user or the source")
    func ledgerRates() {
        var ledger = UseLedger(capacity: 16)
        var limits = UseLimits()
        limits.userSessionRate = "1/1m"
        let first = Use(id: "1", kind: .session, user: "ann", source: "")
        #expect(ledger.admit(first, limits, at: start) == nil)
        #expect(ledger.admit(first, limits, at: start)?.reason == .userSessionRate)
        limits = UseLimits()
        limits.sourceSessionRate = "1/1m"
        let other = Use(id: "2", kind: .session, user: "bob", source: "192.0.2.1/32")
        #expect(ledger.admit(other, limits, at: start) == nil)
        #expect(ledger.admit(other, limits, at: start)?.reason == .sourceSessionRate)
    }
}
