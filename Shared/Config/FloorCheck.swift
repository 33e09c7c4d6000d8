/// Finds what a person's configuration has that the floor forbids.
struct FloorCheck {
    private let floor: FloorConfig

    init(_ floor: FloorConfig) {
        self.floor = floor
    }

    /// The crossings of `user` that `base`, the static configuration, does not have itself.
    func problems(of user: UserConfig, comparedTo base: UserConfig) -> [ConfigProblem] {
        var common = base
        common.backend = user.backend
        let before = Set(crossings(of: common))
        let crossed = crossings(of: user).filter { !before.contains($0) }
        return backend(user, base) + crossed + fixed(user, base)
    }

    private func backend(_ user: UserConfig, _ base: UserConfig) -> [ConfigProblem] {
        let isAllowed = floor.backends.isEmpty || floor.backends.contains(user.backend)
        guard !isAllowed, user.backend != base.backend else { return [] }
        let rule = "must be one of floor.backends"
        return [ConfigProblem("backend", value: user.backend.rawValue, rule)]
    }

    private func crossings(of user: UserConfig) -> [ConfigProblem] {
        var list = Crossings()
        switch user.backend {
        case .docker: DockerFloor(floor: floor, execution: user.docker.execution).check(&list)
        case .kubernetes:
            PodFloor(floor: floor, pod: user.kubernetes.pod).check(&list)
        case .sandbox: sandbox(user.sandbox, &list)
        case .oci: OCIFloor(floor: floor, config: user.oci).check(&list)
        case .sshproxy: break
        }
        return list.problems
    }

    /// What only the static file can say.
    private func fixed(_ user: UserConfig, _ base: UserConfig) -> [ConfigProblem] {
        var list = Crossings()
        let rule = "can only be set in the static configuration"
        let (own, common) = (user.sandbox, base.sandbox)
        if own.bubblewrap != common.bubblewrap { list.add("sandbox.bubblewrap", nil, rule) }
        if own.initPath != common.initPath { list.add("sandbox.initPath", nil, rule) }
        if own.stateDirectory != common.stateDirectory {
            list.add("sandbox.stateDirectory", nil, rule)
        }
        for (key, isSame) in [
            ("runtime", user.oci.runtime == base.oci.runtime),
            ("agentPath", user.oci.agentPath == base.oci.agentPath),
            ("imageDirectory", user.oci.imageDirectory == base.oci.imageDirectory),
            ("stateDirectory", user.oci.stateDirectory == base.oci.stateDirectory),
            ("disk.storage", user.oci.disk.storage == base.oci.disk.storage),
            ("ids", user.oci.ids == base.oci.ids),
        ] where !isSame { list.add("oci.\(key)", nil, rule) }
        if user.sshproxy.agentSocket != base.sshproxy.agentSocket {
            list.add("sshproxy.agentSocket", user.sshproxy.agentSocket, rule)
        }
        if !floor.allowTarget, user.sshproxy != base.sshproxy {
            list.add("sshproxy", nil, "needs floor.allowTarget")
        }
        connections(user, base, &list)
        modes(user.docker.execution, base.docker.execution, &list)
        modes(user.kubernetes.pod, base.kubernetes.pod, &list)
        return list.problems
    }

    private func connections(_ user: UserConfig, _ base: UserConfig, _ list: inout Crossings) {
        guard !floor.allowConnection else { return }
        let rule = "needs floor.allowConnection"
        if user.docker.connection != base.docker.connection {
            list.add("docker.connection.host", "\"\(user.docker.connection.host)\"", rule)
        }
        if user.kubernetes.connection != base.kubernetes.connection {
            list.add("kubernetes.connection", nil, rule)
        }
    }

    /// The mode, and in persistent mode the container: it may be any that there is.
    private func modes(
        _ user: DockerExecutionConfig,
        _ base: DockerExecutionConfig,
        _ list: inout Crossings
    ) {
        guard !floor.modes.contains(user.mode) else { return }
        let rule = "needs \(user.mode.rawValue) in floor.modes"
        if user.mode != base.mode {
            list.add("docker.execution.mode", user.mode.rawValue, rule)
        } else if user.mode == .persistent, user.containerName != base.containerName {
            list.add("docker.execution.containername", "\"\(user.containerName)\"", rule)
        }
    }

    /// The mode, and in persistent mode the pod: it may be any that there is.
    private func modes(
        _ user: KubernetesPodConfig,
        _ base: KubernetesPodConfig,
        _ list: inout Crossings
    ) {
        guard !floor.modes.contains(where: { $0.rawValue == user.mode.rawValue }) else { return }
        let rule = "needs \(user.mode.rawValue) in floor.modes"
        if user.mode != base.mode {
            list.add("kubernetes.pod.mode", user.mode.rawValue, rule)
        } else if user.mode == .persistent {
            for key in ["name", "namespace"] where user.metadata[key] != base.metadata[key] {
                list.add("kubernetes.pod.metadata.\(key)", user.metadata[key]?.json, rule)
            }
        }
    }

    // MARK: - Sandbox

    private func sandbox(_ sandbox: SandboxConfig, _ list: inout Crossings) {
        if !floor.allowHostNetwork, sandbox.network == .host {
            list.add("sandbox.network", "host", "needs floor.allowHostNetwork")
        }
        if !floor.allowPrivileged, ["root", "0", ""].contains(sandbox.user) {
            list.add("sandbox.user", "\"\(sandbox.user)\"", "needs floor.allowPrivileged")
        }
        if !floor.allowHostMounts {
            for mount in sandbox.mounts {
                let access = mount.readOnly ? "read-only" : "writable"
                let value = "\(mount.source) at \(mount.target), \(access)"
                list.add("sandbox.mounts", value, "needs floor.allowHostMounts")
            }
            if !sandbox.root.isEmpty {
                list.add("sandbox.root", sandbox.root, "needs floor.allowHostMounts")
            }
        }
        let millicores = Int((sandbox.cpus * 1000).rounded())
        let maximum = Int((floor.maxCPUs * 1000).rounded())
        list.limit(sandbox.memory, floor.maxMemory, "sandbox.memory", "floor.maxMemory")
        list.limit(sandbox.pids, floor.maxPids, "sandbox.pids", "floor.maxPids")
        list.limit(millicores, maximum, "sandbox.cpus", "floor.maxCPUs × 1000")
        guard !floor.allowUnlimited else { return }
        let rule = "needs floor.allowUnlimited"
        if sandbox.memory == 0, floor.maxMemory == 0 {
            list.add("sandbox.memory", "without limit", rule)
        }
        if sandbox.pids == 0, floor.maxPids == 0 {
            list.add("sandbox.pids", "without limit", rule)
        }
    }
}

/// What crosses the floor, as problems.
struct Crossings {
    private(set) var problems: [ConfigProblem] = []

    mutating func add(_ path: String, _ value: String?, _ rule: String) {
        problems.append(ConfigProblem(path, value: value, rule))
    }

    /// Adds an amount above `most`, or without limit (0 and below), unless `most` is 0.
    mutating func limit(_ amount: Int, _ most: Int, _ path: String, _ key: String) {
        guard most > 0, amount <= 0 || amount > most else { return }
        let found = amount <= 0 ? "without limit" : "\(amount)"
        add(path, found, "must be at most \(most) (\(key))")
    }
}

extension ConfigTree {
    var isFalseOrNull: Bool { withoutEmptyValues == nil }

    var items: [ConfigTree]? {
        switch self {
        case .list(let items): items
        // The engine's API takes a single string for a list of one.
        case .string: [self]
        case .null, .bool, .integer, .double, .map: nil
        }
    }
}
