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

/// Some start a program there: on a double there is an image with the programs of this machine.
@Suite(
    "Clients and what they do, on Kubernetes with the programs they start",
    .enabled(if: ClusterDouble.isPossible, ClusterTests.reason),
    .enabled(if: !TestCluster.isLive, "a real cluster has no such image"),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(10)),
    .onCluster(
        ClientMatrix.forwarding + [
            "kubernetes.pod.spec={containers: [{name: shell, image: \(ClusterDouble.hostImage), "
                + "env: [{name: HOME, value: /tmp}]}]}"
        ]
    )
)
struct KubernetesProgramClientTests {
    @Test("does it", arguments: ClientCheck.all.filter { !$0.there.isEmpty })
    func check(_ check: ClientCheck) async throws {
        try await ClientMatrix.run(check, backend: "kubernetes", there: check.there)
    }
}
