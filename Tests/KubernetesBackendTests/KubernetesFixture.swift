import BackendConformance
import ClusterDouble
import Foundation
import GatewayCore
import GuestAgent
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedKubernetes
import SharedModels
import Testing

@testable import KubernetesBackend

/// A backend on a double of a cluster.
enum KubernetesFixture {
    static let reason: Comment = "needs bubblewrap, busybox and nsenter; run deploy/dev/deps.sh"
    static let silent = Logger(label: "kubernetes-tests") { _ in SwiftLogNoOpLogHandler() }

    static let agentProgram = URL(filePath: CommandLine.arguments[0])
        .deletingLastPathComponent().appending(path: "berth-agent").path

    static let agent = AgentFiles(
        program: agentProgram,
        folder: "/tmp/berth-test-agent-\(getuid())"
    )

    /// A double for tests that do not disturb it; it ends with the tests, as those below do.
    static let shared = Task { try await ClusterDouble.start(agent: agentProgram) }

    /// What the conformance suite runs on, a double for each kind of pods or one real cluster.
    static let withAgent = cluster()
    static let withoutAgent = cluster()
    static let sessions = cluster()
    static let lasting = cluster()

    private static func cluster() -> Task<TestCluster, any Error> {
        Task { try await TestCluster.start(agent: agentProgram) }
    }

    /// A double that `body` may disturb.
    static func withCluster(
        _ body: (ClusterDouble) async throws -> Void
    ) async throws {
        let cluster = try await ClusterDouble.start(agent: agentProgram)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(cluster))
        } catch {
            result = .failure(error)
        }
        await cluster.stop()
        try result.get()
    }

    static func config(
        _ cluster: ClusterDouble,
        _ change: (inout KubernetesConfig) -> Void = { _ in }
    ) -> KubernetesConfig {
        var config = KubernetesConfig()
        config.connection.host = "127.0.0.1:\(cluster.port)"
        config.connection.caCertificateFile = cluster.authority
        config.connection.bearerToken = Secret(ClusterDouble.token)
        config.connection.qps = 500
        config.connection.burst = 500
        config.pod.spec = [
            "containers": [
                [
                    "name": "shell", "image": .string(ClusterDouble.image),
                    "env": [["name": "HOME", "value": "/tmp"]],
                ]
            ]
        ]
        config.pod.shellCommand = ["/bin/sh"]
        change(&config)
        return config
    }

    static func backend(
        _ cluster: ClusterDouble,
        logger: Logger = silent,
        pool: KubernetesPool? = nil,
        _ change: (inout KubernetesConfig) -> Void = { _ in }
    ) throws -> KubernetesBackend {
        try KubernetesBackend(
            config: config(cluster, change),
            agent: agent,
            pool: pool,
            logger: logger
        )
    }

    /// A backend on the cluster that the tests were started for.
    static func subject(
        _ cluster: TestCluster,
        _ change: (inout KubernetesConfig) -> Void = { _ in }
    ) throws -> ConformanceSubject {
        var config = KubernetesConfig()
        config.connection.kubeconfig = cluster.kubeconfig
        config.connection.qps = 500
        config.connection.burst = 500
        config.pod.metadata = [
            "namespace": .string(cluster.namespace), "generateName": "berth-test-",
            "labels": ["berth-test": "conformance"],
        ]
        config.pod.spec = cluster.spec
        config.pod.shellCommand = ["/bin/sh"]
        change(&config)
        return ConformanceSubject(
            backend: try KubernetesBackend(config: config, agent: agent, logger: silent),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            canForward: !config.pod.disableAgent,
            leftovers: { try await cluster.leftovers(of: $0) }
        )
    }

    static func request(
        _ id: String = ConformanceSubject.newConnectionID(),
        user: String = "tester",
        carried: ConnectionMetadata = ConnectionMetadata()
    ) -> WorkspaceRequest {
        WorkspaceRequest(
            connectionID: id,
            username: user,
            authenticatedUsername: user,
            remoteAddress: "192.0.2.7",
            carried: carried,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next()
        )
    }
}

/// Waits for a condition.
func eventually(
    _ what: String = "it",
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(90)
    while ContinuousClock.now < end {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("not so in time: \(what)")
}
