import BackendConformance
import ClusterDouble
import SharedConfig
import SharedKubernetes
import Testing

@Suite(
    "Kubernetes keeps a backend's promises",
    .enabled(if: TestCluster.isPossible, KubernetesFixture.reason),
    // The double is one thread, and copies of the agent go through it.
    .serialized
)
struct KubernetesConformanceTests {
    @Test("a promise of every backend holds", arguments: ConformanceCase.allCases)
    func conforms(_ promise: ConformanceCase) async throws {
        let cluster = try await KubernetesFixture.withAgent.value
        try await promise.prove(
            on: KubernetesFixture.subject(cluster) { $0.pod.agent.image = cluster.agentImage }
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
        let cluster = try await KubernetesFixture.withAgent.value
        try await promise.prove(on: KubernetesFixture.subject(cluster))
    }

    /// The cluster tells a program's end after that of its streams, which children hold open.
    private static let withoutAgent = ConformanceCase.allCases.filter {
        $0 != .exitDoesNotWaitForChildren
    }

    @Test("and without an agent", arguments: withoutAgent)
    func conformsWithoutAgent(_ promise: ConformanceCase) async throws {
        let cluster = try await KubernetesFixture.withoutAgent.value
        try await promise.prove(
            on: KubernetesFixture.subject(cluster) { $0.pod.disableAgent = true }
        )
    }

    private static let some: [ConformanceCase] = [
        .separatesStreamsAndReportsStatus, .closedInputReachesProgramAsEnd, .fileIsPutWhole,
        .terminalHasItsSizeBeforeStart, .termSignalEndsProgram, .terminateEndsProgram,
        .closeEndsEverything, .closeIsHarmlessWhenRepeated, .environmentReachesProgram,
    ]

    @Test("it holds where every program has a pod", arguments: some)
    func conformsInSessions(_ promise: ConformanceCase) async throws {
        let cluster = try await KubernetesFixture.sessions.value
        var subject = try KubernetesFixture.subject(cluster) { $0.pod.mode = .session }
        subject.sharesPrograms = false
        // Nothing is made, and nothing is left, before a program starts.
        subject.canForward = false
        subject.tellsInput = true
        try await promise.prove(on: subject)
    }

    /// What has left its program's session outlives the connection there, as with nohup(1).
    @Test(
        "it holds in a pod that stays",
        arguments: some.filter { $0 != .closeEndsEverything }
    )
    func conformsInPersistent(_ promise: ConformanceCase) async throws {
        let cluster = try await KubernetesFixture.lasting.value
        let name = "berth-test-" + ConformanceSubject.newConnectionID()
        var subject = try KubernetesFixture.subject(cluster) {
            $0.pod.mode = .persistent
            $0.pod.createMissingPods = true
            $0.pod.metadata = ["namespace": .string(cluster.namespace), "name": .string(name)]
        }
        // An agent ends its programs a moment after it was left.
        subject.noticesLater = true
        subject.leftovers = { _ in try await cluster.programs(in: name) }
        let result: Result<Void, any Error>
        do {
            result = .success(try await promise.prove(on: subject))
        } catch {
            result = .failure(error)
        }
        try await cluster.delete(name)
        try result.get()
    }
}
