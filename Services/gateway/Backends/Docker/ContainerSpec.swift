import GatewayCore
import SharedConfig
import SharedDocker
import SharedModels
import SharedSSH

/// What a connection's container is made of.
struct ContainerSpec: Sendable {
    let name: String
    let image: String
    /// `os/arch/variant`; empty: the engine's own.
    let platform: String
    /// The body of the create call.
    var body: ConfigTree

    /// For a connection: `number` counts its containers from 1.
    init(
        _ execution: DockerExecutionConfig,
        _ request: WorkspaceRequest,
        _ lease: ContainerLease,
        number: Int = 1
    ) {
        let first =
            execution.containerName.isEmpty
            ? "berth-\(request.connectionID)" : execution.containerName
        name = number == 1 ? first : "\(first)-\(number)"
        image = execution.container.text("image")
        platform = Self.platform(execution.platform)
        body = Self.body(
            execution,
            Self.environment(execution, request),
            Self.labels(request, lease)
        )
    }

    /// For whoever comes.
    init(waiting name: String, _ execution: DockerExecutionConfig, labels: [String: String]) {
        self.name = name
        image = execution.container.text("image")
        platform = Self.platform(execution.platform)
        body = Self.body(execution, [], labels.mapValues { .string($0) })
    }

    /// For the container that a person keeps.
    init(lasting name: String, _ execution: DockerExecutionConfig, labels: [String: String]) {
        self.name = name
        image = execution.container.text("image")
        platform = Self.platform(execution.platform)
        var members = ContainerFields.container(execution.container).members
        members["Cmd"] = .strings(Scripts.lasting(execution))
        if members["Entrypoint"] == nil { members["Entrypoint"] = [""] }
        for name in ["OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr"] {
            members[name] = false
        }
        members["Tty"] = false
        members["Labels"] = .map(
            (members["Labels"] ?? .null).members
                .merging(labels.mapValues { .string($0) }) { _, ours in ours }
        )
        members["HostConfig"] = HostDefaults.applied(
            to: ContainerFields.host(execution.host),
            isLasting: true
        )
        if execution.network != .null {
            members["NetworkingConfig"] = ContainerFields.network(execution.network)
        }
        body = .map(members)
    }

    static func platform(_ tree: ConfigTree) -> String {
        let parts = [tree.text("os"), tree.text("architecture"), tree.text("variant")]
        guard !parts[0].isEmpty || !parts[1].isEmpty else { return "" }
        let os = parts[0].isEmpty ? "linux" : parts[0]
        return ([os] + parts[1...].prefix { !$0.isEmpty }).joined(separator: "/")
    }

    private static func body(
        _ execution: DockerExecutionConfig,
        _ environment: [(name: String, value: String)],
        _ labels: [String: ConfigTree]
    ) -> ConfigTree {
        var members = ContainerFields.container(execution.container).members
        members["Cmd"] = .strings(Scripts.idle(execution))
        // The image's own entry point would swallow the command; one that is configured may.
        if members["Entrypoint"] == nil { members["Entrypoint"] = [""] }
        // The first process lives as long as its input is open: see ContainerLease.
        for name in ["OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr"] {
            members[name] = true
        }
        members["Tty"] = false
        members["Env"] = .strings(
            members["Env"].strings + environment.map { "\($0)=\($1)" }
        )
        members["Labels"] = .map(
            (members["Labels"] ?? .null).members.merging(labels) { _, ours in ours }
        )
        members["HostConfig"] = HostDefaults.applied(to: ContainerFields.host(execution.host))
        if execution.network != .null {
            members["NetworkingConfig"] = ContainerFields.network(execution.network)
        }
        return .map(members)
    }

    private static func labels(
        _ request: WorkspaceRequest,
        _ lease: ContainerLease
    ) -> [String: ConfigTree] {
        var labels = lease.labels(connectionID: request.connectionID)
        labels["containerssh_connection_id"] = request.connectionID
        labels["containerssh_ip"] = request.remoteAddress
        labels["containerssh_username"] = request.username
        return labels.mapValues { .string($0) }
    }

    /// What the webhooks gave to the connection.
    static func environment(
        _ execution: DockerExecutionConfig,
        _ request: WorkspaceRequest
    ) -> [(name: String, value: String)] {
        let carried = request.carried
        var values = execution.exposeAuthMetadataAsEnv ? carried.metadata : [:]
        values.merge(carried.environment) { _, later in later }
        return values.sorted { $0.key < $1.key }
            .map { (name: $0.key, value: $0.value.value) }
            .filter { Environment.isUsable($0.name) }
    }
}

/// Assignments for a program.
enum Environment {
    /// Of several with one name the last wins, in the place of the first.
    /// The engine takes JSON: bytes that are not UTF-8 cannot reach it and become U+FFFD.
    static func assignments(_ list: [(name: String, value: RawText)]) -> [String] {
        var order: [String] = []
        var values: [String: RawText] = [:]
        for (name, value) in list where isUsable(name) {
            if values.updateValue(value, forKey: name) == nil { order.append(name) }
        }
        return order.map { "\($0)=\((values[$0] ?? "").text)" }
    }

    static func isUsable(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains { $0 == 0 || $0 == 0x3D }
    }
}

extension ConfigTree {
    static func strings(_ list: [String]) -> ConfigTree { .list(list.map { .string($0) }) }
}

extension ConfigTree? {
    /// The strings of a list; a single string counts as a list of one, as in the engine's API.
    var strings: [String] {
        switch self {
        case .list(let items)?: items.compactMap(\.scalarText)
        case .string(let text)?: [text]
        default: []
        }
    }
}
