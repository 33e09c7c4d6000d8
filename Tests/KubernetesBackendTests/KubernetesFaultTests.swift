import BackendConformance
import ClusterDouble
import Foundation
import GatewayCore
import InMemoryLogging
import Logging
import NIOCore
import SharedConfig
import SharedKubernetes
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization
import Testing

@testable import KubernetesBackend

@Suite(
    "Kubernetes in trouble",
    .enabled(if: ClusterDouble.isPossible, KubernetesFixture.reason)
)
struct KubernetesFaultTests {
    private static let program = ProgramRequest(kind: .exec("echo ready; exec cat"))

    private func code(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "none"
        } catch let error as CodedError {
            return error.code.id
        } catch {
            return "\(error)"
        }
    }

    private func openFails(
        _ cluster: ClusterDouble,
        _ change: (inout KubernetesConfig) -> Void = { _ in }
    ) async throws -> String {
        let backend = try KubernetesFixture.backend(cluster, change)
        let request = KubernetesFixture.request()
        let found = await code {
            let workspace = try await backend.openWorkspace(request) { _ in }
            await workspace.close()
        }
        #expect(try await cluster.leftovers(of: request.connectionID).isEmpty)
        return found
    }

    /// How a program ends to whose pod something is done.
    private func endOfProgram(
        _ cluster: ClusterDouble,
        disableAgent: Bool,
        _ deed: (String) async throws -> Void
    ) async throws -> String {
        let backend = try KubernetesFixture.backend(cluster) {
            $0.pod.disableAgent = disableAgent
        }
        let request = KubernetesFixture.request()
        let workspace = try await backend.openWorkspace(request) { _ in }
        let program = try await workspace.start(Self.program)
        _ = try await program.nextOutput()
        try await deed("containerssh-" + request.connectionID)
        let found = await code { _ = try await program.exit() }
        await workspace.close()
        #expect(try await cluster.leftovers(of: request.connectionID).isEmpty)
        return found
    }

    // MARK: - Opening

    @Test("an image that cannot be pulled is said at once")
    func missingImage() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let missing = try await openFails(cluster) {
                $0.pod.spec = ["containers": [["name": "shell", "image": "no/such"]]]
            }
            #expect(missing == "KUBERNETES_IMAGE_PULL_FAILED")
        }
    }

    @Test("a pod for which there is no room is waited for, and the person is told why")
    func unschedulable() async throws {
        try await KubernetesFixture.withCluster { cluster in
            try await cluster.tell("node", ["unschedulable": true])
            let lines = Mutex<[String]>([])
            let backend = try KubernetesFixture.backend(cluster) {
                $0.timeouts.podStart = .seconds(30)
            }
            let found = await code {
                _ = try await backend.openWorkspace(KubernetesFixture.request()) { line in
                    lines.withLock { $0.append(line) }
                }
            }
            #expect(found == "KUBERNETES_POD_UNSCHEDULABLE")
            #expect(lines.withLock { $0 } == ["Waiting for room in the cluster ..."])
            #expect(try await cluster.pods().isEmpty)
        }
    }

    @Test("a pod that Pod Security forbids, a quota, a missing right: refusals are not repeated")
    func refused() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let forbidden = try await openFails(cluster) {
                $0.pod.spec = [
                    "hostNetwork": true,
                    "containers": [["name": "shell", "image": .string(ClusterDouble.image)]],
                ]
            }
            #expect(forbidden == "KUBERNETES_POD_CREATE_FAILED")
            try await cluster.tell("rules", ["rules": [["resources": ["x"], "verbs": ["y"]]]])
            #expect(try await openFails(cluster) == "KUBERNETES_POD_CREATE_FAILED")
        }
    }

    @Test("a server that is busy, fails, or cuts the answer off is asked again")
    func repeated() async throws {
        try await KubernetesFixture.withCluster { cluster in
            try await cluster.fault([
                "method": "POST", "status": 429, "retryAfter": 1, "times": 1,
            ])
            try await cluster.fault(["method": "POST", "status": 500, "times": 1])
            try await cluster.fault(["method": "POST", "cut": "HTTP/1.1 20", "times": 1])
            #expect(try await openFails(cluster) == "none")
        }
    }

    @Test("a token that was replaced meanwhile is read anew")
    func expiredToken() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let file = cluster.folder + "/token"
            try ClusterDouble.token.write(toFile: file, atomically: true, encoding: .utf8)
            let backend = try KubernetesFixture.backend(cluster) {
                $0.connection.bearerToken = Secret()
                $0.connection.bearerTokenFile = file
            }
            for token in [ClusterDouble.token, "another"] {
                try token.write(toFile: file, atomically: true, encoding: .utf8)
                try await cluster.tell("tokens", ["tokens": [.string(token)]])
                let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in
                }
                await workspace.close()
            }
            try await cluster.tell("tokens", ["tokens": []])
            let found = await code {
                _ = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            }
            #expect(found == "KUBERNETES_POD_CREATE_FAILED")
        }
    }

    @Test("certificates of another authority, and no server at all, are errors")
    func unreachable() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let change: (inout KubernetesConfig) -> Void = { $0.timeouts.podStart = .seconds(2) }
            let foreign = try await openFails(cluster) {
                change(&$0)
                $0.connection.caCertificateFile = cluster.certificates + "/client.pem"
            }
            #expect(foreign == "KUBERNETES_POD_CREATE_FAILED")
        }
        let address = await code {
            var config = KubernetesConfig()
            config.connection.host = "https://a?b"
            _ = try KubernetesBackend(
                config: config,
                agent: KubernetesFixture.agent,
                logger: KubernetesFixture.silent
            )
        }
        #expect(address == "KUBERNETES_CONFIG_ERROR")
    }

    // MARK: - Under a session

    @Test("an eviction is told as such", arguments: [false, true])
    func evicted(_ disableAgent: Bool) async throws {
        try await KubernetesFixture.withCluster { cluster in
            let found = try await endOfProgram(cluster, disableAgent: disableAgent) {
                try await cluster.tell("evict", ["namespace": "default", "name": .string($0)])
            }
            #expect(found == "KUBERNETES_POD_EVICTED")
        }
    }

    @Test("so is the end of a pod that used too much memory", arguments: [false, true])
    func outOfMemory(_ disableAgent: Bool) async throws {
        try await KubernetesFixture.withCluster { cluster in
            let found = try await endOfProgram(cluster, disableAgent: disableAgent) {
                try await cluster.tell("oom", ["namespace": "default", "name": .string($0)])
            }
            #expect(found == "KUBERNETES_POD_OUT_OF_MEMORY")
        }
    }

    @Test(
        "and a removal by somebody else, without waiting for its grace",
        arguments: [false, true]
    )
    func deleted(_ disableAgent: Bool) async throws {
        try await KubernetesFixture.withCluster { cluster in
            let found = try await endOfProgram(cluster, disableAgent: disableAgent) {
                try await cluster.tell(
                    "delete",
                    ["namespace": "default", "name": .string($0), "grace": 300]
                )
            }
            #expect(["KUBERNETES_POD_DELETED", "KUBERNETES_POD_ENDED"].contains(found))
        }
    }

    @Test("a watch that breaks, or is too old, is taken up again under a session")
    func brokenWatch() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let backend = try KubernetesFixture.backend(cluster)
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            let program = try await workspace.start(Self.program)
            _ = try await program.nextOutput()
            for _ in 0..<3 {
                try await cluster.tell("compact")
                try await cluster.fault(["path": "/pods$", "status": 500, "times": 1])
                try await cluster.tell("drop", ["streams": false])
                try await program.write(ByteBuffer(string: "echo"))
                let piece = try await program.nextOutput()
                #expect(piece.map { String(buffer: $0.bytes) } == "echo")
            }
            await program.closeInput()
            #expect(try await program.exit() == .status(0))
            await workspace.close()
        }
    }

    @Test("a restart of the API server ends sessions with a text, and leaves no pod")
    func restart() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let found = try await endOfProgram(cluster, disableAgent: false) { _ in
                try await cluster.tell("drop")
            }
            #expect(found == "KUBERNETES_POD_ENDED")
        }
    }

    @Test("a removal that the server refuses for a while is repeated")
    func removalRepeated() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let backend = try KubernetesFixture.backend(cluster)
            let request = KubernetesFixture.request()
            let workspace = try await backend.openWorkspace(request) { _ in }
            try await cluster.fault(["method": "DELETE", "status": 503, "times": 3])
            await workspace.close()
            #expect(try await cluster.leftovers(of: request.connectionID).isEmpty)
        }
    }

    // MARK: - What others left

    @Test("pods whose lease is over are removed; others, and those in use, stay")
    func reaped() async throws {
        let now = 1_800_000_000.0
        func pod(
            _ age: Int,
            lease: String? = "180",
            phase: String = "Running",
            attached: Bool = false
        ) -> Pod {
            let made = "2027-01-15T08:00:00Z"  // The time `now`.
            let labels: [String: ConfigTree] = lease.map { [PodKeys.lease: .string($0)] } ?? [:]
            let annotations: [String: ConfigTree] = attached ? [PodKeys.attached: "true"] : [:]
            _ = age
            return Pod([
                "metadata": [
                    "creationTimestamp": .string(made), "labels": .map(labels),
                    "annotations": .map(annotations),
                ],
                "status": ["phase": .string(phase)],
            ])
        }
        #expect(PodReaper.isOver(pod(0), at: now + 200))
        #expect(!PodReaper.isOver(pod(0), at: now + 100))
        #expect(!PodReaper.isOver(pod(0, attached: true), at: now + 200))
        #expect(PodReaper.isOver(pod(0, phase: "Succeeded", attached: true), at: now + 200))
        #expect(!PodReaper.isOver(pod(0, lease: nil), at: now + 200))
        try await KubernetesFixture.withCluster { cluster in
            let client = try ClusterClient(
                ClusterOptions(
                    KubernetesFixture.config(cluster).connection,
                    timeout: .seconds(10)
                )
            )
            let plan = PodPlan(
                KubernetesFixture.config(cluster).pod,
                name: "left",
                first: .waiting,
                labels: [PodKeys.lease: "0", PodKeys.connectionID: "dead"]
            )
            _ = try await client.createPod(plan.body, namespace: "default")
            await (try KubernetesFixture.backend(cluster)).sweep()
            try await eventually { try await cluster.pods().isEmpty }
        }
    }
}
