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
        case .docker: docker(user.docker.execution, &list)
        case .kubernetes: kubernetes(user.kubernetes.pod.spec, "kubernetes.pod.spec", &list)
        case .sandbox: sandbox(user.sandbox, &list)
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
        if user.sshproxy.agentSocket != base.sshproxy.agentSocket {
            list.add("sshproxy.agentSocket", user.sshproxy.agentSocket, rule)
        }
        guard !floor.allowConnection else { return list.problems }
        let connectionRule = "needs floor.allowConnection"
        if user.docker.connection != base.docker.connection {
            list.add("docker.connection", nil, connectionRule)
        }
        if user.kubernetes.connection != base.kubernetes.connection {
            list.add("kubernetes.connection", nil, connectionRule)
        }
        if user.sshproxy != base.sshproxy { list.add("sshproxy", nil, connectionRule) }
        return list.problems
    }

    // MARK: - Docker

    private func docker(_ execution: DockerExecutionConfig, _ list: inout Crossings) {
        let host = execution.host
        let path = "docker.execution.host"
        if !floor.allowPrivileged { dockerPrivileges(host, path, &list) }
        if !floor.allowHostNetwork {
            dockerNamespaces(host, ["networkmode"], "needs floor.allowHostNetwork", &list)
        }
        if !floor.allowHostNamespaces {
            let modes = ["pidmode", "ipcmode", "utsmode", "usernsmode", "cgroupnsmode"]
            dockerNamespaces(host, modes, "needs floor.allowHostNamespaces", &list)
        }
        if !floor.allowHostMounts { dockerMounts(host, path, &list) }
        limit(host["memory"], floor.maxMemory, "\(path).memory", "floor.maxMemory", &list)
        limit(host["pidslimit"], floor.maxPids, "\(path).pidslimit", "floor.maxPids", &list)
        limit(
            host["nanocpus"],
            Int((floor.maxCPUs * 1e9).rounded()),
            "\(path).nanocpus",
            "floor.maxCPUs",
            &list
        )
    }

    private func dockerPrivileges(_ host: ConfigTree, _ path: String, _ list: inout Crossings) {
        let rule = "needs floor.allowPrivileged"
        if let value = host["privileged"], !value.isFalseOrNull {
            list.add("\(path).privileged", value.summary, rule)
        }
        let lists = [
            "capadd", "devices", "devicerequests", "devicecgrouprules", "maskedpaths",
            "readonlypaths", "sysctls", "runtime", "cgroupparent",
        ]
        for key in lists {
            guard let value = host[key]?.withoutEmptyValues else { continue }
            list.add("\(path).\(key)", value.json, rule)
        }
        for option in host["securityopt"]?.items ?? [] {
            let text = String.text(of: option) ?? ""
            guard text != "no-new-privileges", !text.hasPrefix("no-new-privileges:true"),
                !text.hasPrefix("no-new-privileges=true")
            else { continue }
            list.add("\(path).securityopt", option.summary, rule)
        }
    }

    private func dockerNamespaces(
        _ host: ConfigTree,
        _ keys: [String],
        _ rule: String,
        _ list: inout Crossings
    ) {
        for key in keys {
            let mode = host[key].flatMap(String.text(of:)) ?? ""
            guard mode == "host" || mode.hasPrefix("container:") || mode.hasPrefix("ns:") else {
                continue
            }
            list.add("docker.execution.host.\(key)", "\"\(mode)\"", rule)
        }
    }

    private func dockerMounts(_ host: ConfigTree, _ path: String, _ list: inout Crossings) {
        let rule = "needs floor.allowHostMounts"
        for bind in host["binds"]?.items ?? [] {
            let text = String.text(of: bind) ?? ""
            // What is not a path is the name of a volume.
            guard !(text.first?.isLetter == true || text.first?.isNumber == true) else { continue }
            list.add("\(path).binds", bind.summary, rule)
        }
        for mount in host["mounts"]?.items ?? [] {
            let kind = mount["type"].flatMap(String.text(of:))?.lowercased() ?? ""
            // A volume driver can be told to mount any directory.
            let hasDriver =
                mount[path: ["volumeoptions", "driverconfig"]]?.withoutEmptyValues != nil
            if kind == "tmpfs" || kind == "volume" && !hasDriver { continue }
            list.add("\(path).mounts", mount.json, rule)
        }
        for key in ["volumesfrom", "volumedriver"] {
            guard let value = host[key]?.withoutEmptyValues else { continue }
            list.add("\(path).\(key)", value.json, rule)
        }
    }

    /// A limit that is missing or 0 means "unlimited".
    private func limit(
        _ value: ConfigTree?,
        _ maximum: Int,
        _ path: String,
        _ key: String,
        _ list: inout Crossings
    ) {
        guard maximum > 0 else { return }
        var amount = 0
        if case .integer(let number)? = value { amount = number }
        guard amount <= 0 || amount > maximum else { return }
        let found = amount <= 0 ? "without limit" : "\(amount)"
        list.add(path, found, "must be at most \(maximum) (\(key))")
    }

    // MARK: - Kubernetes

    private func kubernetes(_ tree: ConfigTree, _ path: String, _ list: inout Crossings) {
        if case .list(let items) = tree {
            for (index, item) in items.enumerated() {
                kubernetes(item, "\(path)[\(index)]", &list)
            }
        }
        guard case .map(let map) = tree else { return }
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            let place = join(path, key)
            if let rule = kubernetesRule(key, value) { list.add(place, value.json, rule) }
            kubernetes(value, place, &list)
        }
    }

    private func kubernetesRule(_ key: String, _ value: ConfigTree) -> String? {
        guard !value.isFalseOrNull else { return nil }
        switch key {
        case "privileged", "allowPrivilegeEscalation":
            return floor.allowPrivileged ? nil : "needs floor.allowPrivileged"
        case "capabilities":
            let hasMore = value["add"]?.withoutEmptyValues != nil
            return floor.allowPrivileged || !hasMore ? nil : "needs floor.allowPrivileged"
        case "hostNetwork": return floor.allowHostNetwork ? nil : "needs floor.allowHostNetwork"
        case "hostPID", "hostIPC":
            return floor.allowHostNamespaces ? nil : "needs floor.allowHostNamespaces"
        case "hostPath": return floor.allowHostMounts ? nil : "needs floor.allowHostMounts"
        default: return nil
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
        limit(.integer(sandbox.memory), floor.maxMemory, "sandbox.memory", "floor.maxMemory", &list)
        limit(.integer(sandbox.pids), floor.maxPids, "sandbox.pids", "floor.maxPids", &list)
        let millicores = Int((sandbox.cpus * 1000).rounded())
        let maximum = Int((floor.maxCPUs * 1000).rounded())
        limit(.integer(millicores), maximum, "sandbox.cpus", "floor.maxCPUs × 1000", &list)
    }
}

/// What crosses the floor, as problems.
private struct Crossings {
    private(set) var problems: [ConfigProblem] = []

    mutating func add(_ path: String, _ value: String?, _ rule: String) {
        problems.append(ConfigProblem(path, value: value, rule))
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
