import BackendConformance
import Testing

@Suite("Docker keeps a backend's promises", .enabled(if: Engine.isThere, Engine.reason))
struct DockerConformanceTests {
    @Test("a promise of every backend holds", arguments: ConformanceCase.allCases)
    func conforms(_ promise: ConformanceCase) async throws {
        try await promise.prove(on: DockerFixture.subject())
    }
}
