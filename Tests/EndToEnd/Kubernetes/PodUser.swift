import ClusterDouble
import Foundation
import SharedConfig
import SharedKubernetes
import Testing

/// People whose pods are of different kinds on one gateway, by rules of configd.
enum PodUser: String, CaseIterable, Sendable {
    /// The agent comes as the configuration says.
    case agent
    /// It is copied in.
    case copied
    /// Without an agent.
    case plain
    case session
    case lasting
    case pooled
    /// Their pods fit nowhere, or have no image.
    case nowhere
    case imageless

    /// Those who get a pod.
    static let served: [PodUser] = [.agent, .copied, .plain, .session, .lasting, .pooled]
    /// Those whose pod goes when they leave.
    static let leaving: [PodUser] = [.agent, .copied, .plain, .session, .pooled]

    static func rules(image: String) -> String {
        let nowhere =
            "{containers: [{name: shell, image: \"\(image)\"}], nodeSelector: {berth-test: none}}"
        let pods = [
            "copied": "{agent: {delivery: copy}}", "plain": "{disableAgent: true}",
            "session": "{mode: session}", "lasting": "{mode: persistent, createMissingPods: true}",
            "nowhere": "{spec: \(nowhere)}",
            "imageless": "{spec: {containers: [{name: shell, image: berth-test/no-such}]}}",
        ]
        var lines = pods.sorted { $0.key < $1.key }.map { user, pod in
            "  - {name: \(user), match: {user: \(user)}, config: {kubernetes: {pod: \(pod)}}}"
        }
        lines.append(
            "  - {name: pooled, match: {user: pooled}, "
                + "config: {kubernetes: {pool: {minimum: 1, maximum: 1}}}}"
        )
        return "rules:\n" + lines.joined(separator: "\n") + "\n"
    }

    var login: Installation.Login { Installation.Login(user: rawValue) }
}

/// A gateway on a cluster, with an account of every `PodUser`.
struct ClusteredInstallation: Sendable {
    let cluster: TestCluster
    let installation: Installation
    /// The value of the label `berth-test` on all pods of it.
    let run: String

    @TaskLocal static var shared: ClusteredInstallation?

    static var current: ClusteredInstallation {
        get throws { try #require(shared, "the suite lacks the trait .onCluster") }
    }

    static let agent = Surroundings.programs.appending(path: "berth-agent").path

    /// Starts a cluster, where it is a double, and what a login needs, and removes all of it after
    /// `body`.
    static func with(
        _ settings: [String] = [],
        daemons: [DaemonName] = [.authd, .configd, .gateway],
        _ body: (ClusteredInstallation) async throws -> Void
    ) async throws {
        let cluster = try await TestCluster.start(agent: agent)
        let run = "r" + String(UInt64.random(in: .min ... .max), radix: 36)
        let result: Result<Void, any Error>
        do {
            try await Installation.with(
                Self.settings(cluster, run) + settings,
                daemons: daemons,
                rules: PodUser.rules(image: cluster.image)
            ) { installation in
                let users = PodUser.allCases.map(\.rawValue)
                try await installation.addUsers(users)
                try await body(
                    ClusteredInstallation(cluster: cluster, installation: installation, run: run)
                )
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        // A double ends with all its pods.
        if cluster.double == nil { try await cluster.deleteAll("berth-test", run) }
        await cluster.stop()
        try result.get()
    }

    private static func settings(_ cluster: TestCluster, _ run: String) -> [String] {
        let metadata: ConfigTree = [
            "namespace": .string(cluster.namespace), "generateName": "berth-test-",
            "labels": ["berth-test": .string(run)],
        ]
        return [
            "audit.enable=false", "metrics.enable=false", "backend=kubernetes",
            "floor.modes=[connection, session, persistent]",
            "kubernetes.connection.kubeconfig=\(cluster.kubeconfig)",
            "kubernetes.connection.qps=500", "kubernetes.connection.burst=500",
            "kubernetes.pod.metadata=\(metadata.json)",
            "kubernetes.pod.spec=\(cluster.spec.json)",
            "kubernetes.pod.shellCommand=[/bin/sh]",
            "kubernetes.pod.agent.image=\(cluster.agentImage)",
        ]
    }

    // MARK: - Pods

    /// The pods of one person.
    func pods(of user: PodUser) async throws -> [Pod] {
        try await cluster.pods("berth-test", run)
            .filter { $0.labels["containerssh_username"] == user.rawValue }
    }

    /// Somebody's pod; one of a pool becomes theirs a moment after they have it.
    func pod(of user: PodUser) async throws -> Pod {
        try await wait(for: "\(user) has a pod") { try await !pods(of: user).isEmpty }
        return try #require(try await pods(of: user).first)
    }

    /// All pods but those that wait in the pool.
    func pods() async throws -> [Pod] {
        try await cluster.pods("berth-test", run).filter { $0.labels["berth.pool"] == nil }
    }

    /// Waits until nothing is there for `user` but, for one whose pod stays, that without programs.
    func expectNothing(of user: PodUser, within limit: Duration = .seconds(90)) async throws {
        try await wait(limit, for: "nothing of \(user) is left", every: .milliseconds(200)) {
            let pods = try await pods(of: user)
            guard user == .lasting else { return pods.isEmpty }
            guard let pod = pods.first(where: { !$0.hasEnded }) else { return true }
            // One that goes at this moment is looked at again.
            return (try? await cluster.programs(in: pod.name))?.isEmpty ?? false
        }
    }

    /// An ssh that has a program running, which echoes what it is sent.
    func open(_ user: PodUser, _ command: String = "echo here; cat") async throws -> Program {
        let client = try installation.launchSSH(command, user.login, input: .held)
        try await wait(for: "\(user)'s program runs: \(client.errors)") {
            client.output == "here\n"
        }
        return client
    }
}

extension Installation {
    /// Makes accounts with the key of the installation's user.
    func addUsers(_ names: [String]) async throws {
        for name in names {
            let added = try await berth(
                "user",
                "--server",
                "unix://\(config.adminSocket)",
                "add",
                name,
                "--no-password",
                "--key-file",
                userKey + ".pub"
            )
            try #require(added.status == 0, "berth user add: \(added.errors)")
        }
    }
}

/// Starts one `ClusteredInstallation` for a suite and all inside it.
struct OnCluster: SuiteTrait, TestScoping {
    let settings: [String]

    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await ClusteredInstallation.with(settings) { clustered in
            try await ClusteredInstallation.$shared.withValue(clustered) {
                try await Installation.$shared.withValue(clustered.installation) {
                    try await function()
                }
            }
        }
    }
}

extension Trait where Self == OnCluster {
    static func onCluster(_ settings: [String] = []) -> OnCluster { OnCluster(settings: settings) }
}

/// What a machine needs for the tests on a cluster.
enum ClusterTests {
    static let reason: Comment = "needs bubblewrap, busybox and nsenter; run deploy/dev/deps.sh"
}
