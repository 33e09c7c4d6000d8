import BackendConformance
import SharedConfig
import Testing

@Suite("Docker keeps a backend's promises", .enabled(if: Engine.isThere, Engine.reason))
struct DockerConformanceTests {
    @Test("a promise of every backend holds", arguments: ConformanceCase.allCases)
    func conforms(_ promise: ConformanceCase) async throws {
        try await promise.prove(
            on: DockerFixture.subject { $0.execution.host = DockerFixture.withIPv6 }
        )
    }

    @Test(
        "so does it where the agent is copied in",
        arguments: [
            .carriesLargeStreamsIntact, .fileIsPutWhole, .dialReachesListener,
            .cancelledOpeningLeavesNothing, .closeEndsEverything,
        ] as [ConformanceCase]
    )
    func conformsWithCopy(_ promise: ConformanceCase) async throws {
        try await promise.prove(
            on: DockerFixture.subject { $0.execution.agent.delivery = .copy }
        )
    }

    @Test("and without an agent", arguments: ConformanceCase.allCases)
    func conformsWithoutAgent(_ promise: ConformanceCase) async throws {
        try await promise.prove(on: DockerFixture.subject { $0.execution.disableAgent = true })
    }

    @Test("and with the agent that an image has brought", arguments: ConformanceCase.allCases)
    func conformsWithImageAgent(_ promise: ConformanceCase) async throws {
        let image = try await AgentImage.name()
        try await promise.prove(
            on: DockerFixture.subject {
                $0.execution.container = ["image": .string(image)]
                $0.execution.agent.delivery = .none
                $0.execution.host = DockerFixture.withIPv6
            }
        )
    }

    @Test("it holds where every program has a container", arguments: ConformanceCase.allCases)
    func conformsInSessions(_ promise: ConformanceCase) async throws {
        var subject = try DockerFixture.subject { $0.execution.mode = .session }
        subject.sharesPrograms = false
        // Nothing is made, and nothing is left, before a program starts.
        subject.canForward = false
        subject.tellsInput = true
        try await promise.prove(on: subject)
    }

    @Test("it holds in a container that stays", arguments: ConformanceCase.allCases)
    func conformsInPersistent(_ promise: ConformanceCase) async throws {
        try await DockerFixture.withLasting { subject, _ in try await promise.prove(on: subject) }
    }
}
