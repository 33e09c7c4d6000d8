import AuthClient
import Logging
import MetricsClient
import MetricsTestKit
import SharedConfig
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("The gate")
struct ConnectionLimiterTests {
    private func limiter(
        maximum: Int = 100_000,
        _ change: (inout LimitsConfig) -> Void
    ) -> ConnectionLimiter {
        var config = LimitsConfig()
        config.exempt = []
        change(&config)
        return ConnectionLimiter(
            config,
            maximumConnections: maximum,
            metrics: GatewayMetrics(factory: TestMetrics()),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func client(_ host: String) -> RemoteClient { RemoteClient(host: host, port: 4711) }

    @Test("a refusal carries the reason of the protocol, a text and the code")
    func refusal() throws {
        let network = try #require(IPNetwork("192.0.2.0/24"))
        let limiter = limiter {
            $0.deny = [network]
            $0.perSource.connections = 1
        }
        guard case .refused(let denied) = limiter.admit(client("192.0.2.1")) else {
            Issue.record("a denied address came in")
            return
        }
        #expect(denied.reason == .hostNotAllowedToConnect)
        #expect(denied.text.hasSuffix("[LIMITS_HOST_DENIED]"))
        guard case .admitted(let release) = limiter.admit(client("198.51.100.1")),
            case .refused(let crowded) = limiter.admit(client("198.51.100.1"))
        else {
            Issue.record("one connection was to come in, the second not")
            return
        }
        #expect(crowded.reason == .tooManyConnections)
        #expect(crowded.text.hasSuffix("[LIMITS_SOURCE_CONNECTIONS]"))
        release()
        #expect(limiter.connections == 0)
    }

    @Test("in a flood of refusals most are closed without a word")
    func flood() throws {
        let limiter = limiter(maximum: 1) { _ in }
        guard case .admitted = limiter.admit(client("192.0.2.1")) else {
            Issue.record("the first connection was turned away")
            return
        }
        var spoken = 0
        for _ in 0..<10_000 {
            if case .refused = limiter.admit(client("192.0.2.2")) { spoken += 1 }
        }
        #expect(spoken >= 200)
        // The bucket grows by 256 a second; a loop of 10,000 takes far less than ten.
        #expect(spoken < 3000)
    }

    @Test("clients without an IP address are only counted")
    func noAddress() {
        let limiter = limiter(maximum: 1) { _ in }
        guard case .admitted = limiter.admit(client("")) else {
            Issue.record("a client of a Unix socket was turned away")
            return
        }
        #expect(limiter.connections == 1)
    }

    @Test(
        "names are held against the rules",
        arguments: [
            ("ann", true), ("root", false), ("svc-build", false), ("Ann", false),
            ("a\u{7}nn", false), (String(repeating: "a", count: 33), false), ("", true),
        ]
    )
    func names(_ name: String, _ isAllowed: Bool) {
        let limiter = limiter {
            $0.usernames.deny = ["root", "glob:svc-*"]
            $0.usernames.characters = "a-z0-9_-"
            $0.usernames.maxLength = 32
        }
        #expect(limiter.allows(username: name) == isAllowed)
    }

    @Test("new limits count from now on, and penalties stay")
    func reload() throws {
        let limiter = limiter { $0.penalties.noAuth = .seconds(60) }
        let source = try #require(limiter.source(of: "192.0.2.1"))
        limiter.failed(.noAuth, source, Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        #expect(limiter.penalties().map(\.source) == ["192.0.2.1"])
        var config = LimitsConfig()
        config.perSource.connections = 1
        config.exempt = []
        limiter.use(config, maximumConnections: 10)
        guard case .refused(let refusal) = limiter.admit(client("192.0.2.1")) else {
            Issue.record("a penalized source came in")
            return
        }
        #expect(refusal.reason == .hostNotAllowedToConnect)
        #expect(refusal.text.contains("try again in 60 seconds. [LIMITS_PENALIZED]"))
        limiter.clearPenalties()
        guard case .admitted = limiter.admit(client("192.0.2.1")) else {
            Issue.record("a forgiven source was turned away")
            return
        }
    }

    @Test("how many have not logged in and how many sources are refused can be measured")
    func measured() throws {
        let metrics = TestMetrics()
        var config = LimitsConfig()
        config.exempt = []
        config.penalties.enable = true
        config.penalties.minimum = .seconds(1)
        let limiter = ConnectionLimiter(
            config,
            maximumConnections: 10,
            metrics: GatewayMetrics(factory: metrics),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        func values() throws -> [Double] {
            limiter.measure()
            let sources = "berth_limits_penalized_sources"
            return [
                try metrics.expectMeter("berth_ssh_startups").lastValue ?? -1,
                try metrics.expectMeter(sources, [("kind", "penalty")]).lastValue ?? -1,
                try metrics.expectMeter(sources, [("kind", "ban")]).lastValue ?? -1,
            ]
        }
        #expect(try values() == [0, 0, 0])
        guard case .admitted(let release) = limiter.admit(client("192.0.2.1")) else {
            Issue.record("nobody came in")
            return
        }
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        func fail(_ times: Int) {
            let source = limiter.source(of: "192.0.2.9")
            for _ in 0..<times { limiter.failed(.authFailure, source, quiet) }
        }
        fail(50)
        #expect(try values() == [1, 1, 0])
        release()
        limiter.clearPenalties()
        #expect(try values() == [0, 0, 0])
        config.ban.failures = 2
        limiter.use(config, maximumConnections: 10)
        fail(2)
        #expect(try values() == [0, 0, 1])
    }
}
