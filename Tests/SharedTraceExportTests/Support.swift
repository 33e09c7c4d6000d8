import Logging
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@testable import SharedTraceExport
@testable import SharedTracing

func testSpan(_ name: String, _ attributes: [SpanAttribute] = []) -> FinishedSpan {
    FinishedSpan(
        name: name,
        kind: .internal,
        context: TraceContext(traceID: TraceID(), spanID: SpanID(), isSampled: true),
        parent: nil,
        isParentRemote: false,
        start: 1_700_000_000_000_000_001,
        end: 1_700_000_000_000_000_002,
        attributes: attributes,
        droppedAttributes: 0,
        failure: nil
    )
}

/// Runs an exporter until `body` is done, then lets it end gracefully.
func running(
    _ exporter: SpanExporter,
    _ body: @Sendable @concurrent () async throws -> Void
) async throws {
    try await testGracefulShutdown { trigger in
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await exporter.run() }
            try await body()
            trigger.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }
}

/// Waits until `condition` holds; fails the test after 90 s.
func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(90)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, what)
        await Task.yield()
    }
}
