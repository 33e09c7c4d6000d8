import SharedConfig
import Testing

@testable import AuthClient

@Suite("Penalties")
struct PenaltyBookTests {
    private let start = ContinuousClock.now
    private let source: IPNetwork

    init() throws { source = try #require(IPNetwork("192.0.2.7/32")) }

    private func book(
        ban: BanConfig = BanConfig(),
        capacity: Int = 64,
        _ change: (inout PenaltiesConfig) -> Void = { _ in }
    ) -> PenaltyBook {
        var config = PenaltiesConfig()
        change(&config)
        return PenaltyBook(config, ban: ban, capacity: capacity)
    }

    private func network(_ number: Int) throws -> IPNetwork {
        try #require(IPNetwork("198.51.\(number / 256).\(number % 256)"))
    }

    @Test("failures add up and refuse from the minimum on, until they have run out")
    func adding() {
        var book = book()
        #expect(book.note(.authFailure, of: source, at: start) == .noted)
        #expect(book.note(.authFailure, of: source, at: start) == .noted)
        #expect(book.refusal(of: source, at: start) == nil)
        let third = book.note(.authFailure, of: source, at: start)
        #expect(third == .penalized(.seconds(15)))
        #expect(book.refusal(of: source, at: start)?.kind == .authFailure)
        // Below the minimum again, but once it counts it counts to its end.
        #expect(book.refusal(of: source, at: start + .seconds(14)) != nil)
        #expect(book.refusal(of: source, at: start + .seconds(15)) == nil)
    }

    @Test("failures far apart run out one by one")
    func decay() {
        var book = book()
        for step in 0..<20 {
            let now = start + .seconds(step * 6)
            #expect(book.note(.authFailure, of: source, at: now) == .noted)
        }
    }

    @Test("nobody collects more than the maximum")
    func maximum() {
        var book = book { $0.maximum = .seconds(60) }
        for _ in 0..<100 { _ = book.note(.graceExceeded, of: source, at: start) }
        #expect(book.refusal(of: source, at: start + .seconds(59)) != nil)
        #expect(book.refusal(of: source, at: start + .seconds(60)) == nil)
    }

    @Test("each kind costs what it is configured to", arguments: PenaltyKind.allCases)
    func kinds(_ kind: PenaltyKind) {
        var book = book {
            $0.noAuth = .seconds(101)
            $0.authFailure = .seconds(102)
            $0.invalidUser = .seconds(103)
            $0.graceExceeded = .seconds(104)
            $0.violation = .seconds(105)
            $0.refused = .seconds(106)
        }
        let place = PenaltyKind.allCases.firstIndex(of: kind) ?? 0
        #expect(book.note(kind, of: source, at: start) == .penalized(.seconds(101 + place)))
    }

    @Test("with penalties switched off nothing is noted")
    func disabled() {
        var book = book { $0.enable = false }
        for _ in 0..<100 { #expect(book.note(.violation, of: source, at: start) == .noted) }
        #expect(book.count == 0)
    }

    @Test("failures within the window lead to a ban, those before it do not count")
    func ban() {
        var rules = BanConfig()
        rules.failures = 3
        var book = book(ban: rules) { $0.noAuth = .milliseconds(1) }
        #expect(book.note(.noAuth, of: source, at: start) == .noted)
        #expect(book.note(.noAuth, of: source, at: start + .seconds(590)) == .noted)
        #expect(book.note(.noAuth, of: source, at: start + .seconds(601)) == .noted)
        #expect(book.note(.noAuth, of: source, at: start + .seconds(602)) == .noted)
        let third = book.note(.noAuth, of: source, at: start + .seconds(603))
        #expect(third == .banned(.seconds(3600)))
        #expect(book.refusal(of: source, at: start + .seconds(4000))?.isBan == true)
        #expect(book.refusal(of: source, at: start + .seconds(4204)) == nil)
    }

    @Test("a full permissive book forgets the oldest source for a new one")
    func permissive() throws {
        var book = book(capacity: 10)
        for number in 0..<50 { _ = book.note(.graceExceeded, of: try network(number), at: start) }
        #expect(book.count == 10)
        let isOverflowing = book.isOverflowing(at: start)
        #expect(!isOverflowing)
        #expect(book.knows(try network(49)))
    }

    @Test("a full book that denies all keeps what it has, until something runs out")
    func denyAll() throws {
        var book = book(capacity: 10) { $0.overflow = .denyAll }
        for number in 0..<50 { _ = book.note(.graceExceeded, of: try network(number), at: start) }
        #expect(book.count == 10)
        #expect(book.knows(try network(0)))
        let states = [Duration.zero, .seconds(11)].map { book.isOverflowing(at: start + $0) }
        #expect(states == [true, false])
    }

    @Test("clearing forgives the block that an address belongs to")
    func clearing() throws {
        let block = try #require(IPNetwork("2001:db8:1:2::/64"))
        var book = book()
        for _ in 0..<3 { _ = book.note(.authFailure, of: block, at: start) }
        let address = try #require(IPNetwork("2001:db8:1:2::99"))
        #expect(book.sources(holding: address) == [block])
        let results = (0..<2).map { _ in book.clear(block, at: start) }
        #expect(results == [true, false])
        #expect(book.refusal(of: block, at: start) == nil)
    }

    @Test("changes are told once each, a part at a time")
    func changes() throws {
        var book = book()
        for number in 0..<5 {
            for _ in 0..<2 { _ = book.note(.graceExceeded, of: try network(number), at: start) }
        }
        let first = book.changes(after: 0, atMost: 3, at: start)
        #expect(first.list.map(\.source) == (try (0..<3).map(network)))
        let second = book.changes(after: first.revision, atMost: 3, at: start)
        #expect(second.list.map(\.source) == (try (3..<5).map(network)))
        #expect(book.changes(after: second.revision, atMost: 3, at: start).list.isEmpty)
    }
}
