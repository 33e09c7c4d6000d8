import AuthClient
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("Admission")
struct AdmissionStateTests {
    private let now = ContinuousClock.now

    private func state(
        maximum: Int = 1000,
        _ change: (inout LimitsConfig) -> Void
    ) -> AdmissionState {
        var config = LimitsConfig()
        config.exempt = []
        change(&config)
        return AdmissionState(config, maximumConnections: maximum)
    }

    /// The code with which a connection is turned away; `nil` if it comes in.
    private func connect(
        _ state: inout AdmissionState,
        _ host: String,
        port: Int = 1,
        dice: Int = 99,
        after time: Duration = .zero
    ) -> MessageCode? {
        let address = IPAddress(host)
        let source = address.map { IPNetwork(of: $0, ipv4: 32, ipv6: 64) }
        let client = RemoteClient(host: host, port: port)
        switch state.connected(client, address, source, dice: dice, at: now + time) {
        case .admitted: return nil
        case .refused(let refusal), .dropped(let refusal): return refusal.code
        }
    }

    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    @Test("denied networks stay out, whatever is allowed")
    func deny() throws {
        let inner = try network("10.1.0.0/16")
        let outer = try network("10.0.0.0/8")
        var state = state {
            $0.allow = [outer]
            $0.deny = [inner]
        }
        #expect(connect(&state, "10.2.0.1") == nil)
        #expect(connect(&state, "10.1.0.1") == .limitsHostDenied)
        #expect(connect(&state, "192.0.2.1") == .limitsHostDenied)
        #expect(connect(&state, "::ffff:10.1.0.1") == .limitsHostDenied)
    }

    @Test("connections in all are limited, also those that are exempt")
    func total() throws {
        let everywhere = try network("0.0.0.0/0")
        var state = state(maximum: 2) { $0.exempt = [everywhere] }
        #expect(connect(&state, "192.0.2.1") == nil)
        #expect(connect(&state, "192.0.2.2") == nil)
        #expect(connect(&state, "192.0.2.3") == .gatewayConnectionLimit)
        let client = RemoteClient(host: "192.0.2.1", port: 1)
        state.disconnected(client, try network("192.0.2.1"))
        #expect(connect(&state, "192.0.2.3") == nil)
    }

    @Test("a source is an IPv4 address or an IPv6 /64")
    func perSource() throws {
        var state = state { $0.perSource.connections = 1 }
        #expect(connect(&state, "192.0.2.1") == nil)
        #expect(connect(&state, "192.0.2.1") == .limitsSourceConnections)
        #expect(connect(&state, "192.0.2.2") == nil)
        #expect(connect(&state, "2001:db8::1") == nil)
        #expect(connect(&state, "2001:db8::2") == .limitsSourceConnections)
        #expect(connect(&state, "2001:db8:0:1::1") == nil)
    }

    @Test("exempt networks are not held to what a source may")
    func exempt() throws {
        let own = try network("10.0.0.0/8")
        var state = state {
            $0.exempt = [own]
            $0.perSource.connections = 1
        }
        for _ in 0..<5 { #expect(connect(&state, "10.0.0.1") == nil) }
    }

    @Test("connections that have not logged in are limited by source until they do")
    func startups() throws {
        let source = try network("192.0.2.1")
        var state = state { $0.perSource.startups = 2 }
        for port in 1...2 { #expect(connect(&state, "192.0.2.1", port: port) == nil) }
        #expect(connect(&state, "192.0.2.1", port: 3) == .limitsSourceStartups)
        #expect(connect(&state, "192.0.2.2") == nil)
        state.loggedIn(RemoteClient(host: "192.0.2.1", port: 1), source)
        #expect(connect(&state, "192.0.2.1", port: 4) == nil)
        #expect(connect(&state, "192.0.2.1", port: 5) == .limitsSourceStartups)
        // One that had logged in and one that had not.
        state.disconnected(RemoteClient(host: "192.0.2.1", port: 1), source)
        #expect(connect(&state, "192.0.2.1", port: 6) == .limitsSourceStartups)
        state.disconnected(RemoteClient(host: "192.0.2.1", port: 2), source)
        #expect(connect(&state, "192.0.2.1", port: 7) == nil)
    }

    @Test("clients that cannot be told apart are still counted down to nothing")
    func indistinct() {
        var state = state { $0.perSource.startups = 10 }
        let client = RemoteClient(host: "192.0.2.1", port: 0)
        let source = IPNetwork("192.0.2.1")
        for _ in 0..<3 { #expect(connect(&state, "192.0.2.1", port: 0) == nil) }
        state.loggedIn(client, source)
        for _ in 0..<3 { state.disconnected(client, source) }
        #expect(state.connections == 0)
        #expect(state.startups == 0)
        state.disconnected(client, source)
        #expect(state.connections == 0)
    }

    @Test("from the start on connections are dropped by chance, at the full number all")
    func earlyDrop() throws {
        var state = state { $0.startups = StartupLimit(start: 2, rate: 30, full: 4) }
        for _ in 0..<2 { #expect(connect(&state, "192.0.2.1", dice: 0) == nil) }
        #expect(connect(&state, "192.0.2.1", dice: 29) == .limitsStartupsDropped)
        #expect(connect(&state, "192.0.2.1", dice: 30) == nil)
        #expect(connect(&state, "192.0.2.1", dice: 64) == .limitsStartupsDropped)
        #expect(connect(&state, "192.0.2.1", dice: 65) == nil)
        #expect(connect(&state, "192.0.2.1", dice: 99) == .limitsStartupsDropped)
    }

    @Test("a source that connects too often waits")
    func rate() {
        var state = state {
            $0.perSource.connectionRate = RateLimit(count: 2, window: .seconds(10))
        }
        #expect(connect(&state, "192.0.2.1") == nil)
        #expect(connect(&state, "192.0.2.1") == nil)
        #expect(connect(&state, "192.0.2.1") == .limitsConnectionRate)
        #expect(connect(&state, "192.0.2.2") == nil)
        #expect(connect(&state, "192.0.2.1", after: .seconds(5)) == nil)
    }

    @Test("a penalized source is refused, an exempt one never penalized")
    func penalty() throws {
        let own = try network("10.0.0.0/8")
        var state = state { $0.penalties.exempt = [own] }
        for host in ["192.0.2.1", "10.0.0.1"] {
            let address = try #require(IPAddress(host))
            let source = IPNetwork(of: address, ipv4: 32, ipv6: 64)
            for _ in 0..<3 { _ = state.failed(.graceExceeded, address, source, at: now) }
        }
        #expect(connect(&state, "192.0.2.1") == .limitsPenalized)
        #expect(connect(&state, "10.0.0.1") == nil)
    }

    @Test("when the book of penalties is full and denies all, strangers are refused")
    func overflow() throws {
        var state = state {
            $0.tracked = 16
            $0.penalties.overflow = .denyAll
        }
        for number in 0..<16 {
            let address = try #require(IPAddress("192.0.2.\(number)"))
            let source = IPNetwork(of: address, ipv4: 32, ipv6: 64)
            _ = state.failed(.graceExceeded, address, source, at: now)
        }
        #expect(connect(&state, "198.51.100.1") == .limitsPenaltiesFull)
        #expect(connect(&state, "192.0.2.3") == nil)
        #expect(connect(&state, "198.51.100.1", after: .seconds(11)) == nil)
    }

    @Test("attempts are limited by source and by name")
    func attempts() throws {
        var state = state {
            $0.perSource.authenticationRate = RateLimit(count: 3, window: .seconds(60))
            $0.perUser.authenticationRate = RateLimit(count: 2, window: .seconds(60))
        }
        func attempt(_ name: String, _ host: String) throws -> AdmissionState.AttemptScope? {
            let address = try #require(IPAddress(host))
            let source = IPNetwork(of: address, ipv4: 32, ipv6: 64)
            return state.attempted(name, address, source, at: now)
        }
        #expect(try attempt("ann", "192.0.2.1") == nil)
        #expect(try attempt("ann", "192.0.2.1") == nil)
        #expect(try attempt("ann", "192.0.2.2") == .user)
        #expect(try attempt("bob", "192.0.2.1") == nil)
        #expect(try attempt("cid", "192.0.2.1") == .source)
    }
}
