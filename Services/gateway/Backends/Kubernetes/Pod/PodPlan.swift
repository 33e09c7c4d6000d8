import GatewayCore
import GuestAgent
import SharedConfig
import SharedKubernetes
import SharedModels

/// What a pod is made of.
struct PodPlan: Sendable {
    /// What the console container's first process is.
    enum First: Sendable, Hashable {
        /// The agent, which a container before it brings.
        case agentOfImage(String)
        /// A shell that waits for the agent and becomes it.
        case agentToCome
        /// A shell that ends when its input does.
        case waiting
        /// What stays when everybody leaves.
        case lasting
    }

    let namespace: String
    let name: String
    /// The console container's.
    let container: String
    let first: First
    /// The whole object, for the create call.
    private(set) var body: ConfigTree

    private static let volume = "berth-agent"

    init(
        _ pod: KubernetesPodConfig,
        name: String,
        first: First,
        labels: [String: String] = [:],
        annotations: [String: String] = [:],
        environment: [(name: String, value: String)] = []
    ) {
        namespace = pod.metadata.text("namespace")
        self.name = name
        self.first = first
        container = Self.container(pod)
        var metadata = pod.metadata.members
        metadata["generateName"] = nil
        metadata["name"] = .string(name)
        metadata["labels"] = Self.merged(metadata["labels"], labels)
        metadata["annotations"] = Self.merged(metadata["annotations"], annotations)
        body = [
            "apiVersion": "v1", "kind": "Pod", "metadata": .map(metadata),
            "spec": PodHardening.applied(to: Self.spec(pod, first, environment)),
        ]
    }

    /// The name of the container that people are in.
    static func container(_ pod: KubernetesPodConfig) -> String {
        let containers = (pod.spec["containers"] ?? .null).elements
        guard containers.indices.contains(pod.consoleContainerNumber) else { return "" }
        let name = containers[pod.consoleContainerNumber].text("name")
        return name.isEmpty ? Self.standardName(pod.consoleContainerNumber) : name
    }

    private static func standardName(_ index: Int) -> String {
        index == 0 ? "shell" : "container-\(index)"
    }

    private static func merged(_ own: ConfigTree?, _ ours: [String: String]) -> ConfigTree {
        .map((own ?? .null).members.merging(ours.mapValues { .string($0) }) { $1 })
    }

    // MARK: - The spec

    private static func spec(
        _ pod: KubernetesPodConfig,
        _ first: First,
        _ environment: [(name: String, value: String)]
    ) -> ConfigTree {
        var members = pod.spec.members
        let added = environment.map { pair -> ConfigTree in
            ["name": .string(pair.name), "value": .string(pair.value)]
        }
        for key in ["initContainers", "containers"] {
            guard case .list(let items)? = members[key] else { continue }
            members[key] = .list(
                items.enumerated().map { index, item in
                    var container = item.members
                    if container.text("name").isEmpty {
                        container["name"] = .string(standardName(index))
                    }
                    if !added.isEmpty {
                        container["env"] = .list((container["env"] ?? .null).elements + added)
                    }
                    return .map(container)
                }
            )
        }
        if members["restartPolicy"] == nil, first != .lasting { members["restartPolicy"] = "Never" }
        guard case .list(var containers)? = members["containers"],
            containers.indices.contains(pod.consoleContainerNumber)
        else { return .map(members) }
        let console = containers[pod.consoleContainerNumber]
        containers[pod.consoleContainerNumber] = self.console(console, pod, first)
        members["containers"] = .list(containers)
        if first != .waiting {
            members["volumes"] = .list(
                (members["volumes"] ?? .null).elements
                    + [["name": .string(volume), "emptyDir": ["sizeLimit": "64Mi"]]]
            )
        }
        if case .agentOfImage(let image) = first {
            members["initContainers"] = .list(
                [bringer(image)] + (members["initContainers"] ?? .null).elements
            )
        }
        return .map(members)
    }

    private static func console(
        _ tree: ConfigTree,
        _ pod: KubernetesPodConfig,
        _ first: First
    ) -> ConfigTree {
        var members = tree.members
        members["args"] = nil
        members["command"] = .list(command(first, pod).map { .string($0) })
        members["tty"] = nil
        if first != .lasting {
            // The first process lives as long as its input is open.
            members["stdin"] = true
            members["stdinOnce"] = true
        }
        guard first != .waiting else { return .map(members) }
        var mount: [String: ConfigTree] = [
            "name": .string(volume), "mountPath": .string(AgentFiles.root),
        ]
        if case .agentOfImage = first { mount["readOnly"] = true }
        members["volumeMounts"] = .list((members["volumeMounts"] ?? .null).elements + [.map(mount)])
        return .map(members)
    }

    private static func command(_ first: First, _ pod: KubernetesPodConfig) -> [String] {
        switch first {
        case .agentOfImage: [AgentFiles.agent, "init"]
        case .agentToCome: PodScripts.becomeAgent
        case .waiting: PodScripts.idle(pod)
        case .lasting: PodScripts.lasting(pod)
        }
    }

    /// Brings the agent into the volume, before anything else runs.
    private static func bringer(_ image: String) -> ConfigTree {
        [
            "name": .string(volume), "image": .string(image),
            "command": ["/berth-agent", "install", .string(AgentFiles.root)],
            "volumeMounts": [
                ["name": .string(volume), "mountPath": .string(AgentFiles.root)]
            ],
            "resources": ["limits": ["memory": "64Mi"], "requests": ["memory": "16Mi"]],
        ]
    }
}

extension [String: ConfigTree] {
    fileprivate func text(_ key: String) -> String {
        if case .string(let text)? = self[key] { return text }
        return ""
    }
}

/// What the webhooks gave to a connection, as a pod has it.
struct PodPerson: Sendable {
    let labels: [String: String]
    let annotations: [String: String]
    let environment: [(name: String, value: String)]

    init(_ request: WorkspaceRequest, _ pod: KubernetesPodConfig) {
        let carried = request.carried
        func exposed(_ names: [String: String]) -> [String: String] {
            let pairs = names.compactMap { name, target in
                carried.metadata[name].map { (target, $0.value) }
            }
            return Dictionary(pairs) { first, _ in first }
        }
        var labels = exposed(pod.exposeAuthMetadataAsLabels).mapValues(PodKeys.labelValue)
        labels[PodKeys.connectionID] = request.connectionID
        labels[PodKeys.username] = PodKeys.labelValue(request.authenticatedUsername)
        self.labels = labels
        var annotations = exposed(pod.exposeAuthMetadataAsAnnotations)
        annotations[PodKeys.address] = String(
            request.remoteAddress.map { $0 == ":" ? "-" : $0 }
        )
        self.annotations = annotations
        var values = carried.environment.mapValues(\.value)
        values.merge(exposed(pod.exposeAuthMetadataAsEnv)) { $1 }
        environment = values.sorted { $0.key < $1.key }
            .map { (name: $0.key, value: $0.value) }
            .filter { PodScripts.isVariable($0.name) && !$0.value.utf8.contains(0) }
    }
}
