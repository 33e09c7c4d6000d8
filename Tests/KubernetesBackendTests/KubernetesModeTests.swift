import BackendConformance
import BackendPool
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
import Testing

@testable import KubernetesBackend

@Suite(
    "Modes of Kubernetes",
    .enabled(if: ClusterDouble.isPossible, KubernetesFixture.reason)
)
struct KubernetesModeTests {
    private func run(_ workspace: any Workspace, _ line: String) async throws -> String {
        let program = try await workspace.start(ProgramRequest(kind: .exec(RawText(line))))
        await program.closeInput()
        var output = ""
        while let piece = try await program.nextOutput() { output += String(buffer: piece.bytes) }
        _ = try await program.exit()
        await program.terminate()
        return output
    }

    @Test("a pod says whose it is, and that it is held")
    func decorated() async throws {
        try await KubernetesFixture.withCluster { cluster in
            var carried = ConnectionMetadata()
            carried.environment = ["GREETING": MetadataValue("hello")]
            let backend = try KubernetesFixture.backend(cluster)
            let request = KubernetesFixture.request(user: "alice@example", carried: carried)
            let workspace = try await backend.openWorkspace(request) { _ in }
            #expect(try await run(workspace, "echo $GREETING $(id -u)") == "hello 1000\n")
            let pod = try #require(try await cluster.pods().first)
            #expect(pod.labels["containerssh_username"] == "alice-example")
            #expect(pod.labels["containerssh_connection_id"] == request.connectionID)
            #expect(pod.annotations["containerssh_ip"] == "192.0.2.7")
            try await eventually {
                try await cluster.pods().first?.annotations[PodKeys.attached] == "true"
            }
            await workspace.close()
        }
    }

    @Test("scp finds the agent's own program, and sftp is served")
    func ownPrograms() async throws {
        let cluster = try await KubernetesFixture.shared.value
        let backend = try KubernetesFixture.backend(cluster) {
            $0.pod.agent.image = ClusterDouble.agentImage
        }
        let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
        #expect(try await run(workspace, "command -v scp") == "/.berth/bin/scp\n")
        let sftp = try await workspace.start(ProgramRequest(kind: .subsystem("sftp")))
        await sftp.closeInput()
        #expect(try await sftp.exit() == .status(0))
        await workspace.close()
    }

    @Test("a person's pod is there when they come again; one that nobody made is not")
    func persistent() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let backend = try KubernetesFixture.backend(cluster) {
                $0.pod.mode = .persistent
                $0.pod.createMissingPods = true
            }
            let request = KubernetesFixture.request(user: "bob")
            for line in ["echo kept >/tmp/file", "cat /tmp/file"] {
                let workspace = try await backend.openWorkspace(request) { _ in }
                let output = try await run(workspace, line)
                await workspace.close()
                #expect(output == (line.hasPrefix("cat") ? "kept\n" : ""))
            }
            let pods = try await cluster.pods()
            #expect(pods.map(\.name) == ["berth-user-bob"])
            #expect(pods.first?.annotations[PodKeys.used] != nil)
            let other = try KubernetesFixture.backend(cluster) {
                $0.pod.mode = .persistent
                $0.pod.metadata = ["namespace": "default", "name": "nobodys"]
            }
            await #expect {
                _ = try await other.openWorkspace(request) { _ in }
            } throws: {
                ($0 as? CodedError)?.code == .kubernetesPodNotFound
            }
        }
    }

    @Test("two who come at once share one making of a pod; its presence is told")
    func together() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let backend = try KubernetesFixture.backend(cluster) {
                $0.pod.mode = .persistent
                $0.pod.createMissingPods = true
            }
            async let first = backend.openWorkspace(KubernetesFixture.request(user: "eve")) { _ in }
            async let second = backend.openWorkspace(KubernetesFixture.request(user: "eve")) { _ in
            }
            let workspaces = try await [first, second]
            #expect(try await cluster.pods().count == 1)
            func presence() async throws -> String? {
                try await cluster.pods().first?.annotations
                    .first { $0.key.hasPrefix(PodKeys.presence) }?.value
            }
            try await eventually { try await presence() == "2" }
            for workspace in workspaces { await workspace.close() }
            try await eventually { try await presence() == nil }
        }
    }

    @Test("a person's pod that nobody has used for its time is idle")
    func idle() {
        func pod(_ idle: String, used: String?) -> Pod {
            let annotations: [String: ConfigTree] = used.map { [PodKeys.used: .string($0)] } ?? [:]
            return Pod([
                "metadata": [
                    "creationTimestamp": "2027-01-15T08:00:00Z",
                    "labels": [.init(stringLiteral: PodKeys.idle): .string(idle)],
                    "annotations": .map(annotations),
                ]
            ])
        }
        let made = 1_800_000_000.0
        #expect(PodReaper.isIdle(pod("60", used: nil), at: made + 61))
        #expect(!PodReaper.isIdle(pod("60", used: "1800000030"), at: made + 61))
        #expect(PodReaper.isIdle(pod("60", used: "1800000030"), at: made + 91))
        #expect(!PodReaper.isIdle(pod("0", used: nil), at: made + 1e6))
    }

    @Test("a pod of the pool becomes a person's, with labels, environment and files")
    func pooled() async throws {
        try await KubernetesFixture.withCluster { cluster in
            let pool = KubernetesPool(
                limits: PoolLimits(total: 4, memory: 0, fillers: 1)
            )
            let backend = try KubernetesFixture.backend(cluster, pool: pool) {
                $0.pool.maximum = 1
                $0.pool.minimum = 1
            }
            backend.startPool()
            try await eventually { pool.waiting == 1 }
            let name = try #require(try await cluster.pods().first?.name)
            var carried = ConnectionMetadata()
            carried.environment = ["GREETING": MetadataValue("hello")]
            let request = KubernetesFixture.request(user: "carol", carried: carried)
            let workspace = try await backend.openWorkspace(request) { _ in }
            #expect(workspace.label == "pod-" + name)
            #expect(try await run(workspace, "echo $GREETING") == "hello\n")
            try await eventually {
                try await cluster.pods().first { $0.name == name }?
                    .labels["containerssh_connection_id"] == request.connectionID
            }
            await workspace.close()
            await pool.close()
            #expect(try await cluster.pods().isEmpty)
        }
    }

    @Test("the rights of the manifest are all that the gateway needs")
    func leastRights() async throws {
        try await KubernetesFixture.withCluster { cluster in
            try await cluster.tell(
                "rules",
                [
                    "rules": [
                        [
                            "resources": ["pods"],
                            "verbs": ["create", "get", "list", "watch", "patch", "delete"],
                        ],
                        [
                            "resources": ["pods/exec", "pods/attach"],
                            "verbs": ["create", "get"],
                        ],
                    ]
                ]
            )
            for mode in [KubernetesPodConfig.Mode.connection, .session, .persistent] {
                let backend = try KubernetesFixture.backend(cluster) {
                    $0.pod.mode = mode
                    $0.pod.createMissingPods = mode == .persistent
                }
                await backend.sweep()
                let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in
                }
                #expect(try await run(workspace, "echo done") == "done\n")
                await workspace.close()
            }
        }
    }

    @Test("a client certificate, a user's name, a kubeconfig: all of them open the door")
    func credentials() async throws {
        let cluster = try await KubernetesFixture.shared.value
        let kubeconfig = """
            current-context: c
            contexts: [{name: c, context: {cluster: c, user: u}}]
            clusters:
            - name: c
              cluster:
                server: https://localhost:\(cluster.port)
                tls-server-name: cluster.test
                certificate-authority: \(cluster.authority)
            users: [{name: u, user: {client-certificate: client.pem, client-key: client-key.pem}}]
            """
        let file = cluster.certificates + "/kubeconfig"
        try kubeconfig.write(toFile: file, atomically: true, encoding: .utf8)
        let ways: [(inout KubernetesConfig) -> Void] = [
            {
                $0.connection.certificateFile = cluster.certificates + "/client.pem"
                $0.connection.keyFile = cluster.certificates + "/client-key.pem"
            },
            {
                $0.connection.username = "admin"
                $0.connection.password = Secret("secret")
            },
            { $0.connection.kubeconfig = file },
        ]
        for way in ways {
            let backend = try KubernetesFixture.backend(cluster) {
                $0.connection.bearerToken = Secret()
                way(&$0)
            }
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            #expect(try await run(workspace, "echo in") == "in\n")
            await workspace.close()
        }
    }

    // MARK: - Without agent

    @Test("an image without a shell runs programs as they are, and takes no signals")
    func noShell() async throws {
        let cluster = try await KubernetesFixture.shared.value
        let backend = try KubernetesFixture.backend(cluster) {
            $0.pod.disableAgent = true
            $0.pod.mode = .persistent
            $0.pod.createMissingPods = true
            $0.pod.idleCommand = ["/bin/sleep", "86400"]
            $0.pod.shellCommand = ["/bin/cat"]
            $0.pod.spec = [
                "containers": [
                    ["name": "shell", "image": .string(ClusterDouble.imageWithoutShell)]
                ]
            ]
        }
        let request = KubernetesFixture.request(user: "dave")
        let workspace = try await backend.openWorkspace(request) { _ in }
        let program = try await workspace.start(ProgramRequest(kind: .shell))
        try await program.write(ByteBuffer(string: "through"))
        let piece = try await program.nextOutput()
        #expect(piece.map { String(buffer: $0.bytes) } == "through")
        await #expect {
            try await program.signal("TERM")
        } throws: {
            ($0 as? CodedError)?.code == .kubernetesSignalFailedNoPid
        }
        await program.closeInput()
        #expect(try await program.exit() == .status(0))
        await #expect {
            try await program.signal("TERM")
        } throws: {
            ($0 as? CodedError)?.code == .kubernetesSignalFailedExited
        }
        await workspace.close()
        try await cluster.tell(
            "delete",
            ["namespace": "default", "name": "berth-user-dave", "grace": 0]
        )
    }

    @Test("a server that speaks only v4 serves agents all the same")
    func olderProtocol() async throws {
        try await KubernetesFixture.withCluster { cluster in
            try await cluster.tell("protocols", ["protocols": ["v4.channel.k8s.io"]])
            let backend = try KubernetesFixture.backend(cluster)
            let workspace = try await backend.openWorkspace(KubernetesFixture.request()) { _ in }
            let program = try await workspace.start(ProgramRequest(kind: .exec("wc -c")))
            try await program.write(ByteBuffer(string: "12345"))
            await program.closeInput()
            #expect(try await program.exit() == .status(0))
            await workspace.close()
        }
    }
}
