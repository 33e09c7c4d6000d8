import ClusterDouble
import Foundation
import Glibc
import SharedConfig
import SharedKubernetes
import SharedMessages
import Testing

@Suite(
    "Kubernetes in trouble, end to end",
    .enabled(if: TestCluster.isPossible, ClusterTests.reason),
    .timeLimit(.minutes(15)),
    .serialized
)
struct ClusterFaultTests {
    @Test("a person at a terminal reads that there is no room, and in the end that there was none")
    func noRoom() async throws {
        try await ClusteredInstallation.with(["kubernetes.timeouts.podStart=5s"]) { current in
            let user = PodUser.nowhere
            let end = try await current.installation.ssh(nil, user.login, arguments: ["-tt"])
            #expect(end.status == 255)
            let text = end.output + end.errors
            #expect(text.contains("Waiting for room in the cluster ..."), "\(text)")
            #expect(text.contains("[\(MessageCode.kubernetesPodUnschedulable.id)]"), "\(text)")
            try await current.expectNothing(of: user)
        }
    }

    @Test("kill -9 of the gateway ends every pod, and nothing is left after the lease")
    func killedGateway() async throws {
        let short = ["kubernetes.timeouts.podStart=20s", "kubernetes.timeouts.podStop=2s"]
        try await ClusteredInstallation.with(short) { current in
            let clients = try await withThrowingTaskGroup(of: Program.self) { group in
                for user in PodUser.served { group.addTask { try await current.open(user) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try await current.installation.stop(.gateway, SIGKILL)
            for client in clients { _ = try await client.end() }
            // Nobody has to do anything for that.
            try await wait(for: "every pod but the one that stays has ended") {
                try await current.pods()
                    .allSatisfy { $0.hasEnded || $0.name == "berth-user-lasting" }
            }
            try await current.expectNothing(of: .lasting)
            try await current.installation.restart(.gateway)
            try await wait(.seconds(400), for: "nothing is left", every: .seconds(1)) {
                try await current.pods().map(\.name).allSatisfy { $0 == "berth-user-lasting" }
            }
        }
    }

    @Test(
        "an API server that restarts: sessions end with a text, and people can log in again",
        .enabled(if: !TestCluster.isLive, "nobody restarts a real one for that")
    )
    func restarted() async throws {
        try await ClusteredInstallation.with { current in
            var clients: [(PodUser, Program)] = []
            for user in PodUser.served { clients.append((user, try await current.open(user))) }
            let before = try await current.pods(of: .lasting).map(\.uid)
            try await current.cluster.double?.tell("restart", ["seconds": 3])
            for (user, client) in clients {
                let end = try await client.end()
                #expect(end.status == 255, "\(user)")
                // A pod that stays goes on.
                let code: MessageCode =
                    user == .lasting ? .kubernetesStreamLost : .kubernetesPodEnded
                #expect(end.errors.contains("[\(code.id)]"), "\(user): \(end.errors)")
            }
            for user in PodUser.served {
                let end = try await current.installation.ssh("echo again", user.login)
                #expect(end.output == "again\n", "\(user): \(end.errors)")
            }
            #expect(try await current.pods(of: .lasting).map(\.uid) == before)
            for user in PodUser.served { try await current.expectNothing(of: user) }
        }
    }
}
