import Foundation
import NIOCore
import NIOPosix
package import SharedConfig

@testable package import SharedKubernetes

/// The cluster that tests run against: a double of one, or a real one.
///
/// It is real with `BERTH_TEST_CLUSTER=live`: then it is the one of `KUBECONFIG`, the namespace is
/// `BERTH_TEST_NAMESPACE` ("default"), people's image `BERTH_TEST_IMAGE` ("busybox:stable"), and
/// `BERTH_TEST_AGENT_IMAGE`, if there is one, brings the agent. Tests that use nothing but this type
/// do not know which it is.
package struct TestCluster: Sendable {
    package let kubeconfig: String
    package let namespace: String
    /// Has a shell and the usual programs.
    package let image: String
    /// Has the agent; empty: it is copied into pods.
    package let agentImage: String
    /// `nil` for a real cluster.
    package let double: ClusterDouble?
    package let client: ClusterClient

    private static let environment = ProcessInfo.processInfo.environment
    package static let isLive = environment["BERTH_TEST_CLUSTER"] == "live"
    package static let isPossible = isLive || ClusterDouble.isPossible

    /// The real one, or a double of its own, which `stop` ends. `agent` is the path of the agent's
    /// program.
    package static func start(agent: String) async throws -> TestCluster {
        guard isLive else { return try TestCluster(try await ClusterDouble.start(agent: agent)) }
        guard let kubeconfig = environment["KUBECONFIG"] else {
            throw ClusterDouble.Failed(what: "KUBECONFIG is not set")
        }
        return try TestCluster(
            kubeconfig: kubeconfig,
            namespace: environment["BERTH_TEST_NAMESPACE"] ?? "default",
            image: environment["BERTH_TEST_IMAGE"] ?? "busybox:stable",
            agentImage: environment["BERTH_TEST_AGENT_IMAGE"] ?? "",
            double: nil
        )
    }

    package init(_ double: ClusterDouble) throws {
        try self.init(
            kubeconfig: double.folder + "/kubeconfig",
            namespace: "default",
            image: ClusterDouble.image,
            agentImage: ClusterDouble.agentImage,
            double: double
        )
    }

    private init(
        kubeconfig: String,
        namespace: String,
        image: String,
        agentImage: String,
        double: ClusterDouble?
    ) throws {
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self.image = image
        self.agentImage = agentImage
        self.double = double
        var connection = KubernetesConnectionConfig()
        connection.kubeconfig = kubeconfig
        (connection.qps, connection.burst) = (1000, 1000)
        client = try ClusterClient(ClusterOptions(connection, timeout: .seconds(60)))
    }

    package func stop() async { await double?.stop() }

    // MARK: - Pods

    /// What people's pods look like.
    package var spec: ConfigTree {
        [
            "containers": [
                [
                    "name": "shell", "image": .string(image),
                    "env": [["name": "HOME", "value": "/tmp"]],
                ]
            ]
        ]
    }

    package func pods(_ label: String, _ value: String) async throws -> [Pod] {
        try await client.pods(labels: "\(label)=\(value)", namespace: namespace)
    }

    /// Pods of one connection, and on a double the processes of their containers.
    package func leftovers(of connectionID: String) async throws -> [String] {
        if let double { return try await double.leftovers(of: connectionID) }
        return try await pods("containerssh_connection_id", connectionID).map(\.name)
    }

    package func delete(_ name: String, grace: Int = 0) async throws {
        try await client.deletePod(name, namespace: namespace, grace: grace)
    }

    /// Removes all pods with a label.
    package func deleteAll(_ label: String, _ value: String) async throws {
        for pod in try await pods(label, value) { try await delete(pod.name) }
    }

    /// As whoever drains a node does it.
    package func evict(_ name: String) async throws {
        let body: ConfigTree = [
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": ["name": .string(name), "namespace": .string(namespace)],
        ]
        var call = RESTCall(
            method: .post,
            path: "/api/v1/namespaces/\(namespace)/pods/\(name)/eviction"
        )
        call.body = Array(body.json.utf8)
        _ = try await client.fetch(call)
    }

    /// What runs in a pod beside its first process and what that does to pass the time.
    package func programs(in name: String, container: String = "shell") async throws -> [String] {
        let script = """
            for p in /proc/[0-9]*; do
              [ $p = /proc/1 ] || [ $p = /proc/$$ ] || { tr '\\0' ' ' <$p/cmdline; echo; }
            done 2>/dev/null
            """
        let stream = try await client.open(
            PodExec(container: container, command: ["/bin/sh", "-c", script]),
            in: name,
            namespace: namespace,
            on: MultiThreadedEventLoopGroup.singleton.next()
        )
        var text = ""
        while let piece = try await stream.next() {
            if piece.output == .stdout { text += String(buffer: piece.bytes) }
        }
        await stream.close()
        let own = ["tr ", "sleep 86400", "/bin/sh -c for p in /proc"]
        return text.split(separator: "\n").map(String.init).filter { line in
            !line.isEmpty && !own.contains { line.hasPrefix($0) }
        }
    }

    /// A command that needs more memory than a container may have. A double has to be told that it
    /// does.
    package var hog: String { double == nil ? "tail /dev/zero" : "cat" }
}
