import SharedMessages

extension Span {
    /// Runs `body` with this span as the current one, which tasks begun meanwhile inherit.
    package func run<Result>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        try await Span.$current.withValue(self, operation: body, isolation: isolation)
    }

    /// The same for what does not wait.
    package func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Span.$current.withValue(self, operation: body)
    }

    /// Runs `body` without a current span, for tasks that go on when whoever began them is done.
    package static func without<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Span.$current.withValue(nil, operation: body)
    }
}

extension Span {
    /// Marks it as failed by what was thrown: its code, or else its type.
    package func fail(_ error: any Error) {
        fail((error as? CodedError)?.code.id ?? "\(type(of: error))")
    }
}
