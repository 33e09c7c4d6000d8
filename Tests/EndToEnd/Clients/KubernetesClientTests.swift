import ClusterDouble
import Testing

/// The clients that need nothing in a pod but a shell and the usual small tools.
@Suite(
    "Clients and what they do, on Kubernetes",
    .enabled(if: TestCluster.isPossible, ClusterTests.reason),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(10)),
    .onCluster(ClientMatrix.forwarding)
)
struct KubernetesClientTests {
    @Test("does it", arguments: ClientCheck.all.filter(\.there.isEmpty))
    func check(_ check: ClientCheck) async throws {
        try await ClientMatrix.run(check, backend: "kubernetes")
    }
}
