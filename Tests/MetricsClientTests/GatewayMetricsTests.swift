import SharedMessages
import SharedModels
import Testing

@testable import MetricsClient

@Suite struct GatewayMetricsTests {
    private let registry = MetricsRegistry(daemon: "gateway")
    private let metrics: GatewayMetrics

    init() { metrics = GatewayMetrics(factory: PushMetricsFactory(registry: registry)) }

    @Test("the series of every gateway exist at zero before the first event")
    func startsAtZero() {
        #expect(registry.values(of: MetricCatalogue.connections) == [["country": "XX"]: 0])
        #expect(registry.values(of: MetricCatalogue.currentConnections) == [["country": "XX"]: 0])
        let types = GatewayMetrics.AuthType.allCases
        #expect(registry.values(of: MetricCatalogue.authRequests).count == types.count)
    }

    @Test("a connection that comes and goes leaves a count and no open connection")
    func connection() {
        metrics.connectionOpened(country: "HU")
        metrics.connectionOpened(country: "HU")
        metrics.connectionClosed(country: "HU")
        let country = ["country": "HU"]
        #expect(registry.values(of: MetricCatalogue.connections)[country] == 2)
        #expect(registry.values(of: MetricCatalogue.currentConnections)[country] == 1)
    }

    @Test("every event lands in the series of the catalogue, none is dropped")
    func everyEvent() {
        metrics.handshakeSucceeded(country: "HU", after: .milliseconds(10))
        metrics.handshakeFailed(country: "HU")
        metrics.backendCalled("docker")
        metrics.backendFailed("docker")
        metrics.backendFailed("sshproxy", failure: "tcp")
        metrics.workspaceStarted("sandbox", after: .milliseconds(6))
        for stage in GatewayMetrics.LoginStage.allCases {
            metrics.stageEnded(stage, after: .milliseconds(3))
        }
        metrics.authAsked(.publicKey, isRetry: false)
        metrics.authUnanswered(.password, .hard, isRetry: true, reason: "AUTH_INVALID_STATUS")
        metrics.authAnswered(.password, success: true, isRetry: false, country: "HU")
        metrics.authAnswered(.password, success: false, isRetry: false, country: "HU")
        metrics.loginRefused(method: "password", code: "SSH_AUTH_FAILED")
        metrics.configAsked(isRetry: true)
        metrics.configUnanswered(.soft, isRetry: false, reason: "HTTP_CLIENT_DECODE_FAILED")
        metrics.limitReached(.limitsHostDenied)
        metrics.startups(2)
        metrics.refusedSources(penalties: 3, bans: 1)
        metrics.disconnected(reason: "mac_error", side: "local")
        metrics.poolHit("docker")
        metrics.poolMissed("docker")
        metrics.poolFailed("oci")
        metrics.poolWaits("docker", 3)
        #expect(registry.droppedCount == 0)
        let failed = registry.values(of: MetricCatalogue.authFailures)
        let labels = [
            "type": "hard", "authtype": "password", "retry": "1", "reason": "AUTH_INVALID_STATUS",
        ]
        #expect(failed == [labels: 1])
        let emitted = Set(registry.snapshot().map(\.name))
        let own: Set = [MetricCatalogue.reportingInstances.name]
        // Those of recordings and spans are counted where they are made, without this type.
        let elsewhere = ["berth_recording_", "berth_auditd_", "berth_trace_"]
        let all = MetricCatalogue.all.map(\.name).filter { name in
            !elsewhere.contains { name.hasPrefix($0) }
        }
        #expect(Set(all).subtracting(emitted) == own)
    }
}
