import SharedConfig
package import SharedMessages

/// Finds out whether a webhook does what gateways expect of it.
package struct WebhookTester: Sendable {
    /// In the order in which they are made.
    package let checks: [WebhookCheck]
    private let probe: Probe

    /// Throws a `CodedError` when a URL or a certificate cannot be used.
    package init(_ target: WebhookTarget) throws(CodedError) {
        let probe = try Probe(target)
        self.probe = probe
        var checks: [WebhookCheck] = []
        for endpoint in WebhookEndpoint.allCases where probe.has(endpoint) {
            checks += CommonChecks.all(endpoint) + Self.own(endpoint)
        }
        if target.auth != nil || target.config != nil { checks += OtherChecks.connection }
        if let auth = target.auth, auth.url.hasPrefix("https://") {
            checks += OtherChecks.tls("auth", auth)
        }
        if let config = target.config, config.url.hasPrefix("https://") {
            checks += OtherChecks.tls("config", config)
        }
        self.checks = checks
    }

    private static func own(_ endpoint: WebhookEndpoint) -> [WebhookCheck] {
        switch endpoint {
        case .password: CredentialChecks.passwords
        case .publicKey: CredentialChecks.keys
        case .certificate: CertificateChecks.all
        case .authorization: CredentialChecks.names
        case .keyboardInteractive: OtherChecks.conversations
        case .session: OtherChecks.events
        case .config: OtherChecks.configurations
        }
    }

    /// Makes all checks, one after the other, and hands each result to `report`.
    ///
    /// A call is given the timeout of its URL, so every check ends.
    package func run(_ report: (CheckResult) -> Void = { _ in }) async -> [CheckResult] {
        defer { probe.shutdown() }
        var results: [CheckResult] = []
        for check in checks {
            let start = ContinuousClock.now
            let outcome: CheckOutcome
            do {
                outcome = try await check.run(probe)
            } catch let failure as CheckFailure {
                outcome = .failed(failure.text)
            } catch {
                outcome = .failed("\(error)")
            }
            let result = CheckResult(
                group: check.group,
                title: check.title,
                outcome: outcome,
                duration: ContinuousClock.now - start
            )
            results.append(result)
            report(result)
        }
        return results
    }
}
