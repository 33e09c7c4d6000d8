import InMemoryLogging
import Logging
import NIOCore
import NIOEmbedded
import SharedMessages
import SharedWaiting
import Synchronization
import Testing

@testable import GatewayCore

@Suite("Countries of clients")
struct CountriesTests {
    private struct Fault: Error {}

    private let loop = EmbeddedEventLoop()
    private let log = InMemoryLogHandler()
    private var logger: Logger { Logger(label: "test") { _ in log } }

    @Test("an answer in time is the country, and is remembered")
    func answer() async {
        let asked = Mutex<[String]>([])
        let countries = Countries(logger: logger) { address in
            asked.withLock { $0.append(address) }
            return "HU"
        }
        #expect(await countries.slot(for: "192.0.2.1", on: loop).value() == "HU")
        #expect(countries.slot(for: "192.0.2.1", on: loop).now == "HU")
        #expect(asked.withLock { $0 } == ["192.0.2.1"])
    }

    @Test("a late answer is not waited for, and serves the next connection")
    func late() async throws {
        let answer = Latch<String?>()
        let countries = Countries(logger: logger) { _ in try await answer.value() }
        let first = countries.slot(for: "192.0.2.1", on: loop)
        let heard = Mutex<[String]>([])
        first.whenKnown { country in heard.withLock { $0.append(country) } }
        loop.advanceTime(by: .milliseconds(49))
        #expect(heard.withLock { $0 }.isEmpty)
        loop.advanceTime(by: .milliseconds(1))
        #expect(heard.withLock { $0 } == ["XX"])
        let second = countries.slot(for: "192.0.2.1", on: loop)
        answer.settle(.success("HU"))
        #expect(await second.value() == "HU")
        #expect(await first.value() == "XX")
        #expect(heard.withLock { $0 } == ["XX"])
    }

    @Test("many connections from one address ask once")
    func coalesced() async {
        let answer = Latch<String?>()
        let count = Mutex(0)
        let countries = Countries(logger: logger) { _ in
            count.withLock { $0 += 1 }
            return try await answer.value()
        }
        let slots = (0..<50).map { _ in countries.slot(for: "192.0.2.1", on: loop) }
        answer.settle(.success("HU"))
        for slot in slots { #expect(await slot.value() == "HU") }
        #expect(count.withLock { $0 } == 1)
    }

    @Test("more questions than the bound are not asked")
    func bounded() async {
        let answer = Latch<String?>()
        let countries = Countries(logger: logger) { _ in try await answer.value() }
        let slots = (0..<100).map { countries.slot(for: "192.0.2.\($0)", on: loop) }
        #expect(slots[99].now == "XX")
        answer.settle(.success("HU"))
        #expect(await slots[0].value() == "HU")
        #expect(await slots[99].value() == "XX")
    }

    @Test("a fault is XX, said once a minute, and asked again the next time")
    func faults() async {
        let count = Mutex(0)
        let countries = Countries(logger: logger) { _ in
            count.withLock { $0 += 1 }
            throw Fault()
        }
        for _ in 0..<3 { #expect(await countries.slot(for: "192.0.2.1", on: loop).value() == "XX") }
        #expect(count.withLock { $0 } == 3)
        let lines = log.entries.count { $0.metadata["code"] == "GEOIP_LOOKUP_FAILED" }
        #expect(lines == 1)
    }

    @Test("without a database nobody is asked and nothing waits")
    func off() {
        let countries = Countries(logger: logger, ask: nil)
        #expect(countries.slot(for: "192.0.2.1", on: loop).now == "XX")
    }
}
