/// One thing that a webhook has to do.
package struct WebhookCheck: Sendable {
    /// The endpoint's path, or what the check is about.
    package let group: String
    /// A claim about the webhook, as a sentence.
    package let title: String
    let run: @Sendable (Probe) async throws -> CheckOutcome

    init(
        _ group: String,
        _ title: String,
        _ run: @escaping @Sendable (Probe) async throws -> CheckOutcome
    ) {
        self.group = group
        self.title = title
        self.run = run
    }

    init(
        _ endpoint: WebhookEndpoint,
        _ title: String,
        _ run: @escaping @Sendable (Probe) async throws -> CheckOutcome
    ) {
        self.init(endpoint.rawValue, title, run)
    }
}

/// What came of a check.
package enum CheckOutcome: Sendable, Hashable {
    case passed
    /// It works with Berth; the text says what is doubtful.
    case warned(String)
    case failed(String)
    /// It could not be done; the text says what is missing.
    case skipped(String)
}

/// A check that was made.
package struct CheckResult: Sendable {
    package let group: String
    package let title: String
    package let outcome: CheckOutcome
    package let duration: Duration
}

/// Why a check cannot go on.
struct CheckFailure: Error {
    let text: String
}
