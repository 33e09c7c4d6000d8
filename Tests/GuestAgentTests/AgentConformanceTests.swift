import BackendConformance
import NIOPosix
import Testing

@Suite("An agent keeps a backend's promises")
struct AgentConformanceTests {
    @Test("a promise of every backend holds", arguments: ConformanceCase.allCases)
    func conforms(_ promise: ConformanceCase) async throws {
        try await promise.prove(
            on: ConformanceSubject(
                backend: AgentBackend(),
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                leftovers: { AgentProcess.processes(marked: $0) }
            )
        )
    }
}
