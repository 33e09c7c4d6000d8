import AuthClient
import Logging
import SharedConfig
import Testing

@testable import AuthdCore

@Suite("Counting for several gateways")
struct SharedLimitsTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func limits(
        leaseTime: Duration = .seconds(60),
        _ change: (inout LimitsConfig) -> Void = { _ in }
    ) -> SharedLimits {
        var config = LimitsConfig()
        change(&config)
        return SharedLimits(config, leaseTime: leaseTime, logger: logger)
    }

    private func request(_ gateway: String, _ id: String) -> AdmitRequest {
        var limits = UseLimits()
        limits.userSessions = 1
        let use = Use(id: id, kind: .session, user: "ann", source: "")
        return AdmitRequest(gateway: gateway, use: use, limits: limits)
    }

    @Test("what one gateway has in use counts for another until it is released")
    func counting() {
        let limits = limits()
        #expect(limits.admit(request("a", "1")).refusal == nil)
        #expect(limits.admit(request("b", "1")).refusal?.reason == .userSessions)
        limits.release(ReleaseRequest(gateway: "b", uses: ["1", "nonsense"]))
        #expect(limits.admit(request("b", "1")).refusal?.reason == .userSessions)
        limits.release(ReleaseRequest(gateway: "a", uses: ["1"]))
        #expect(limits.admit(request("b", "1")).refusal == nil)
    }

    @Test("the same question twice counts once")
    func repeated() {
        let limits = limits()
        for _ in 0..<3 { #expect(limits.admit(request("a", "1")).refusal == nil) }
        limits.release(ReleaseRequest(gateway: "a", uses: ["1"]))
        #expect(limits.admit(request("b", "1")).refusal == nil)
    }

    @Test("what a gateway had is forgotten when its lease has ended")
    func lease() {
        let limits = limits(leaseTime: .zero)
        #expect(limits.admit(request("a", "1")).refusal == nil)
        #expect(limits.admit(request("b", "1")).refusal == nil)
    }

    @Test("an authd that began anew asks what is in use, and counts it")
    func restart() {
        let limits = limits()
        let first = limits.report(LimitsReport(gateway: "a", epoch: "another", since: 7))
        #expect(first.wantsUses)
        let use = Use(id: "1", kind: .session, user: "ann", source: "")
        let report = LimitsReport(gateway: "a", epoch: first.epoch, uses: [use, use])
        #expect(!limits.report(report).wantsUses)
        #expect(limits.admit(request("b", "1")).refusal?.reason == .userSessions)
        let empty = LimitsReport(gateway: "a", epoch: first.epoch, uses: [])
        #expect(!limits.report(empty).wantsUses)
        #expect(limits.admit(request("b", "1")).refusal == nil)
    }

    @Test("a failure at one gateway is a penalty at the other, told once, until it is forgiven")
    func penalties() throws {
        let limits = limits { $0.penalties.authFailure = .seconds(60) }
        var other = limits.report(LimitsReport(gateway: "b"))
        func ask() -> LimitsReportReply {
            limits.report(
                LimitsReport(gateway: "b", epoch: other.epoch, since: other.revision)
            )
        }
        let offence = Offence(source: "192.0.2.1/32", kind: .authFailure)
        _ = limits.report(LimitsReport(gateway: "a", offences: [offence]))
        other = ask()
        #expect(other.penalties.map(\.source) == ["192.0.2.1"])
        #expect(other.penalties.map(\.refused) == [true])
        other = ask()
        #expect(other.penalties.isEmpty)
        let network = try #require(IPNetwork("192.0.2.1"))
        #expect(limits.clearPenalty(of: network))
        #expect(!limits.clearPenalty(of: network))
        other = ask()
        #expect(other.cleared == ["192.0.2.1/32"])
        #expect(ask().cleared.isEmpty)
        #expect(limits.penalties().isEmpty)
    }

    @Test("who was away while too much was forgiven is told to forget everything")
    func longAway() {
        let limits = limits()
        let first = limits.report(LimitsReport(gateway: "b"))
        for number in 0..<1100 {
            let source = "198.51.\(number / 256).\(number % 256)/32"
            let offence = Offence(source: source, kind: .graceExceeded)
            _ = limits.report(
                LimitsReport(gateway: "a", offences: [offence], cleared: [])
            )
            _ = limits.report(LimitsReport(gateway: "a", cleared: [source]))
        }
        let reply = limits.report(
            LimitsReport(gateway: "b", epoch: first.epoch, since: first.revision)
        )
        #expect(reply.cleared == ["*"])
    }

    @Test("nonsense from a gateway is passed over")
    func nonsense() {
        let limits = limits()
        let offence = Offence(source: "nowhere", kind: .noAuth)
        let reply = limits.report(
            LimitsReport(gateway: "a", offences: [offence], cleared: ["nobody"])
        )
        #expect(reply.penalties.isEmpty)
        #expect(limits.penalties().isEmpty)
    }
}
