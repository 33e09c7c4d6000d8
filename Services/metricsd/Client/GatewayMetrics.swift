package import CoreMetrics
import Metrics
package import SharedMessages
import SharedModels

/// What the gateway counts, as one call per event.
///
/// Labels come from closed sets: `country` is a two-letter code (`XX` for unknown), `reason` the
/// identifier of a message code, `backend` the configured name of a backend.
package struct GatewayMetrics: Sendable {
    private let factory: any MetricsFactory

    /// Counts through `factory`; the series without an event yet start at 0.
    package init(factory: any MetricsFactory) {
        self.factory = factory
        start()
    }

    /// The value of `country` when nothing is known.
    package static let unknownCountry = "XX"

    // MARK: - Connections

    package func connectionOpened(country: String) {
        count(MetricCatalogue.connections, [("country", country)])
        openConnections(country).increment()
    }

    /// Once for every `connectionOpened`.
    package func connectionClosed(country: String) {
        openConnections(country).decrement()
    }

    /// The user is authenticated and the backend is ready, `duration` after the connection came.
    package func handshakeSucceeded(country: String, after duration: Duration) {
        count(MetricCatalogue.successfulHandshakes, [("country", country)])
        time(MetricCatalogue.handshakeTime, [], duration)
    }

    /// A stage of a login is over; it took so long.
    package func stageEnded(_ stage: LoginStage, after duration: Duration) {
        time(MetricCatalogue.loginStageTime, [("stage", stage.rawValue)], duration)
    }

    /// Once for a connection that never gets as far as `handshakeSucceeded`.
    package func handshakeFailed(country: String) {
        count(MetricCatalogue.failedHandshakes, [("country", country)])
    }

    /// A connection ended. `reason` is the name that goes with a code of RFC 4253 §11.1, `side`
    /// `local` or `remote`.
    package func disconnected(reason: String, side: String) {
        count(MetricCatalogue.disconnects, [("reason", reason), ("side", side)])
    }

    // MARK: - Backend

    package func backendCalled(_ backend: String) {
        count(MetricCatalogue.backendRequests, [("backend", backend)])
    }

    /// `failure` is `tcp` or `handshake` for the backend `sshproxy` and `nil` for the others.
    package func backendFailed(_ backend: String, failure: String? = nil) {
        count(
            MetricCatalogue.backendErrors,
            [("backend", backend)] + (failure.map { [("failure", $0)] } ?? [])
        )
    }

    package func workspaceStarted(_ backend: String, after duration: Duration) {
        time(MetricCatalogue.backendStartTime, [("backend", backend)], duration)
    }

    // MARK: - Limits

    /// Somebody was refused, dropped, penalized or ended by a limit.
    package func limitReached(_ code: MessageCode) {
        count(MetricCatalogue.limitsReached, [("code", code.id)])
    }

    /// So many connections are not authenticated yet.
    package func startups(_ number: Int) { set(MetricCatalogue.startups, [], number) }

    /// So many sources are refused now.
    package func refusedSources(penalties: Int, bans: Int) {
        set(MetricCatalogue.penalizedSources, [("kind", "penalty")], penalties)
        set(MetricCatalogue.penalizedSources, [("kind", "ban")], bans)
    }

    // MARK: - Pools

    package func poolHit(_ backend: String) {
        count(MetricCatalogue.poolHits, [("backend", backend)])
    }

    package func poolMissed(_ backend: String) {
        count(MetricCatalogue.poolMisses, [("backend", backend)])
    }

    package func poolFailed(_ backend: String) {
        count(MetricCatalogue.poolFailures, [("backend", backend)])
    }

    /// So many containers wait now.
    package func poolWaits(_ backend: String, _ number: Int) {
        set(MetricCatalogue.poolWaiting, [("backend", backend)], number)
    }

    // MARK: - Webhooks

    /// Before every attempt.
    package func authAsked(_ type: AuthType, isRetry: Bool) {
        count(MetricCatalogue.authRequests, [type.label, Self.retry(isRetry)])
    }

    /// After every failed attempt with `.soft`, and once more with `.hard` on giving up.
    package func authUnanswered(
        _ type: AuthType,
        _ failure: FailureType,
        isRetry: Bool,
        reason: String
    ) {
        count(
            MetricCatalogue.authFailures,
            [failure.label, type.label, Self.retry(isRetry), ("reason", reason)]
        )
    }

    package func authAnswered(
        _ type: AuthType,
        success: Bool,
        isRetry: Bool,
        country: String
    ) {
        count(
            success ? MetricCatalogue.authAccepted : MetricCatalogue.authRefused,
            [type.label, Self.retry(isRetry), ("country", country)]
        )
    }

    /// A login attempt was refused by whomever; `method` is an SSH method's name, `code` the
    /// identifier of the message code of the refusal.
    package func loginRefused(method: String, code: String) {
        count(MetricCatalogue.refusedLogins, [("method", method), ("code", code)])
    }

    /// Somebody got in with a public key while the webhook did not answer.
    package func loginFromCache() { count(MetricCatalogue.loginsFromCache, []) }

    package func configAsked(isRetry: Bool) {
        count(MetricCatalogue.configRequests, [Self.retry(isRetry)])
    }

    /// As `authUnanswered`.
    package func configUnanswered(_ failure: FailureType, isRetry: Bool, reason: String) {
        count(
            MetricCatalogue.configFailures,
            [failure.label, Self.retry(isRetry), ("reason", reason)]
        )
    }

    // MARK: - Private

    private func openConnections(_ country: String) -> Meter {
        Meter(
            label: MetricCatalogue.currentConnections.name,
            dimensions: [("country", country)],
            factory: factory
        )
    }

    private func count(_ metric: MetricDefinition, _ labels: [(String, String)], by amount: Int = 1)
    {
        Counter(label: metric.name, dimensions: labels, factory: factory).increment(by: amount)
    }

    private func set(_ metric: MetricDefinition, _ labels: [(String, String)], _ number: Int) {
        Meter(label: metric.name, dimensions: labels, factory: factory).set(number)
    }

    private func time(
        _ metric: MetricDefinition,
        _ labels: [(String, String)],
        _ duration: Duration
    ) {
        let timer = Timer(label: metric.name, dimensions: labels, factory: factory)
        timer.record(duration: duration)
    }

    private static func retry(_ isRetry: Bool) -> (String, String) {
        ("retry", isRetry ? "1" : "0")
    }

    /// Makes the series that every gateway has, so that the first event is seen as a step from 0.
    private func start() {
        let country = [("country", Self.unknownCountry)]
        count(MetricCatalogue.configRequests, [Self.retry(false)], by: 0)
        for type in AuthType.allCases {
            count(MetricCatalogue.authRequests, [type.label, Self.retry(false)], by: 0)
            count(MetricCatalogue.authAccepted, [type.label, Self.retry(false)] + country, by: 0)
            count(MetricCatalogue.authRefused, [type.label, Self.retry(false)] + country, by: 0)
        }
        count(MetricCatalogue.loginsFromCache, [], by: 0)
        count(MetricCatalogue.connections, country, by: 0)
        openConnections(Self.unknownCountry).set(0)
        count(MetricCatalogue.successfulHandshakes, country, by: 0)
        count(MetricCatalogue.failedHandshakes, country, by: 0)
    }
}

extension GatewayMetrics {
    /// A part of the way from the accepted connection to the first output.
    package enum LoginStage: String, Sendable, CaseIterable {
        /// From the accepted connection to the agreed keys.
        case keyExchange = "kex"
        /// From there until the person is known; they may have typed a password meanwhile.
        case authentication = "auth"
        /// Until it is known what they get.
        case configuration = "config"
        /// Until the workspace is there; programs wait for it.
        case container
        /// From the accepted connection to the first byte of a program's output.
        case firstByte = "first_byte"
    }

    /// What the authentication server was asked.
    package enum AuthType: String, Sendable, CaseIterable {
        case password
        case publicKey = "pubkey"
        case certificate
        case authorization
        case keyboardInteractive = "keyboard-interactive"
        case gssapi

        fileprivate var label: (String, String) { ("authtype", rawValue) }
    }

    /// Whether a failed attempt is followed by another.
    package enum FailureType: String, Sendable {
        case soft
        case hard

        fileprivate var label: (String, String) { ("type", rawValue) }
    }
}
