import Testing

/// Starts one installation for a suite and all inside it, and stops it at the suite's end.
struct SharedInstallation: SuiteTrait, TestScoping {
    let settings: [String]

    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await Installation.with(settings) { installation in
            try await Installation.$shared.withValue(installation) { try await function() }
        }
    }
}

extension Trait where Self == SharedInstallation {
    static func sharedInstallation(_ settings: String...) -> SharedInstallation {
        SharedInstallation(settings: settings)
    }
}
