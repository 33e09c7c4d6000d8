import BackendConformance
import Testing

@Suite(
    "The sandbox keeps a backend's promises",
    .enabled(if: SandboxHost.isAble, SandboxHost.reason)
)
struct SandboxConformanceTests {
    @Test("a promise of every backend holds", arguments: ConformanceCase.allCases)
    func conforms(_ promise: ConformanceCase) async throws {
        try await SandboxFixture.with { try await promise.prove(on: $0.subject) }
    }
}
