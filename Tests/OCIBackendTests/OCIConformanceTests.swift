import BackendConformance
import Testing

@Suite(
    "Containers without a daemon keep a backend's promises",
    .enabled(if: OCIMachine.isAble, OCIMachine.reason)
)
struct OCIConformanceTests {
    @Test("a promise of every backend holds", arguments: ConformanceCase.allCases)
    func conforms(_ promise: ConformanceCase) async throws {
        try await OCIFixture.with { try await promise.prove(on: $0.subject) }
    }
}
