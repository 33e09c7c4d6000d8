import Testing

/// Most clients need nothing in a container: the image is one static busybox.
@Suite(
    "Clients and what they do, on Docker with a bare busybox",
    .enabled(if: Engine.isThere, Engine.reason),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(5)),
    SharedInstallation(settings: ["backend=docker"] + ClientMatrix.forwarding)
)
struct BareDockerClientTests {
    @Test("does it", arguments: ClientCheck.all.filter(\.there.isEmpty))
    func check(_ check: ClientCheck) async throws {
        try await ClientMatrix.run(check, backend: "docker")
    }
}

/// Some start a program there, such as rsync: the image has it, and a user who is not root.
@Suite(
    "Clients and what they do, on Docker with the programs they start",
    .enabled(if: Engine.hasClientsImage, Engine.reason),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(5)),
    SharedInstallation(
        settings: ["backend=docker", "docker.execution.container.image=berth-test/clients:latest"]
            + ClientMatrix.forwarding
    )
)
struct DockerClientTests {
    @Test("does it", arguments: ClientCheck.all.filter { !$0.there.isEmpty })
    func check(_ check: ClientCheck) async throws {
        try await ClientMatrix.run(check, backend: "docker", there: check.there)
    }
}
