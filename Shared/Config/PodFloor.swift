/// What the floor forbids in a person's settings of the kubernetes backend.
///
/// Judged is the pod that would be made, with the defaults of `PodHardening`: what Pod Security
/// "restricted" does not admit (Pod Security Standards of Kubernetes 1.34) needs a permission, as
/// do rights in the cluster and containers without a limit.
struct PodFloor {
    let floor: FloorConfig
    let pod: KubernetesPodConfig
    private let path = "kubernetes.pod.spec"

    private static let privileged = "needs floor.allowPrivileged"
    /// Those that are namespaced and harm nobody else.
    private static let sysctls: Set<ConfigTree> = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    ]
    private static let volumes: Set<String> = [
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
        "projected", "secret",
    ]
    private static let selinuxTypes: Set<ConfigTree> = [
        "container_t", "container_init_t", "container_kvm_t", "container_engine_t",
    ]

    func check(_ list: inout Crossings) {
        let spec = PodHardening.applied(to: pod.spec)
        host(spec, &list)
        account(spec, &list)
        context(spec["securityContext"] ?? .null, path, &list)
        for key in ["containers", "initContainers", "ephemeralContainers"] {
            for (index, container) in (spec[key] ?? .null).elements.enumerated() {
                let place = "\(path).\(key)[\(index)]"
                context(container["securityContext"] ?? .null, place, &list)
                ports(container, place, &list)
                rights(container, of: spec, place, &list)
                limits(container, place, &list)
            }
        }
        annotations(&list)
    }

    // MARK: - The node and the cluster

    private func host(_ spec: ConfigTree, _ list: inout Crossings) {
        if !floor.allowHostNetwork { present("hostNetwork", spec, "allowHostNetwork", &list) }
        if !floor.allowHostNamespaces {
            for key in ["hostPID", "hostIPC"] { present(key, spec, "allowHostNamespaces", &list) }
        }
        guard !floor.allowHostMounts else { return }
        for (index, volume) in (spec["volumes"] ?? .null).elements.enumerated() {
            let kinds = volume.members.filter { $0.key != "name" && $0.value != .null }.keys
            for kind in kinds.sorted() where !Self.volumes.contains(kind) {
                list.add("\(path).volumes[\(index)].\(kind)", nil, "needs floor.allowHostMounts")
            }
        }
    }

    private func present(
        _ key: String,
        _ spec: ConfigTree,
        _ permission: String,
        _ list: inout Crossings
    ) {
        guard let value = spec[key], !value.isFalseOrNull else { return }
        list.add("\(path).\(key)", value.json, "needs floor.\(permission)")
    }

    /// Rights in the cluster, the choice of a node, and what stands above other pods.
    private func account(_ spec: ConfigTree, _ list: inout Crossings) {
        guard !floor.allowPrivileged else { return }
        for key in [
            "automountServiceAccountToken", "serviceAccount", "serviceAccountName", "nodeName",
            "priorityClassName", "priority", "runtimeClassName",
        ] { present(key, spec, "allowPrivileged", &list) }
    }

    /// AppArmor could once be switched off by an annotation only.
    private func annotations(_ list: inout Crossings) {
        guard !floor.allowPrivileged else { return }
        for (key, value) in (pod.metadata["annotations"] ?? .null).members
        where key.hasPrefix("container.apparmor.security.beta.kubernetes.io/") {
            guard value != "runtime/default" else { continue }
            list.add("kubernetes.pod.metadata.annotations", key, Self.privileged)
        }
    }

    // MARK: - Security contexts

    /// What is dangerous wherever it is said.
    private func context(_ context: ConfigTree, _ place: String, _ list: inout Crossings) {
        guard !floor.allowPrivileged else { return }
        var found: [(String, Bool)] = [
            ("privileged", context["privileged"]?.isFalseOrNull == false),
            ("procMount", ![nil, .null, "Default"].contains(context["procMount"])),
            ("seccompProfile", context[path: ["seccompProfile", "type"]] == "Unconfined"),
            ("appArmorProfile", context[path: ["appArmorProfile", "type"]] == "Unconfined"),
            (
                "windowsOptions",
                context[path: ["windowsOptions", "hostProcess"]]?.isFalseOrNull == false
            ),
        ]
        let selinux = context["seLinuxOptions"]?.withoutEmptyValues?.members ?? [:]
        let type = selinux["type"] ?? "container_t"
        let isForeign = selinux["user"] != nil || selinux["role"] != nil
        found.append(("seLinuxOptions", isForeign || !Self.selinuxTypes.contains(type)))
        let names = (context["sysctls"] ?? .null).elements.map { $0["name"] ?? .null }
        found.append(("sysctls", !names.allSatisfy(Self.sysctls.contains)))
        for (key, isCrossed) in found where isCrossed {
            list.add("\(place).securityContext.\(key)", context[key]?.json, Self.privileged)
        }
    }

    /// What a container has to have given up, by itself or with its pod.
    private func rights(
        _ container: ConfigTree,
        of spec: ConfigTree,
        _ place: String,
        _ list: inout Crossings
    ) {
        guard !floor.allowPrivileged else { return }
        let own = container["securityContext"] ?? .null
        let common = spec["securityContext"] ?? .null
        func add(_ key: String) {
            list.add("\(place).securityContext.\(key)", own[key]?.json, Self.privileged)
        }
        if own["allowPrivilegeEscalation"] != false, own["privileged"] != true {
            add("allowPrivilegeEscalation")
        }
        let drops = (own[path: ["capabilities", "drop"]] ?? .null).elements
        let adds = (own[path: ["capabilities", "add"]] ?? .null).elements
        let isBare = drops.contains("ALL") && adds.allSatisfy { $0 == "NET_BIND_SERVICE" }
        if !isBare, own["privileged"] != true { add("capabilities") }
        let user = own["runAsUser"] ?? common["runAsUser"]
        if user == 0 {
            add("runAsUser")
        } else if (own["runAsNonRoot"] ?? common["runAsNonRoot"]) != true {
            add("runAsNonRoot")
        }
        let profile = own["seccompProfile"] ?? common["seccompProfile"] ?? .null
        if !["RuntimeDefault", "Localhost", "Unconfined"].contains(profile["type"] ?? .null) {
            add("seccompProfile")
        }
    }

    private func ports(_ container: ConfigTree, _ place: String, _ list: inout Crossings) {
        guard !floor.allowHostNetwork else { return }
        for port in (container["ports"] ?? .null).elements {
            guard let number = port["hostPort"], !number.isFalseOrNull else { continue }
            list.add("\(place).ports.hostPort", number.json, "needs floor.allowHostNetwork")
        }
    }

    // MARK: - Limits

    private func limits(_ container: ConfigTree, _ place: String, _ list: inout Crossings) {
        let limits = container[path: ["resources", "limits"]] ?? .null
        let memory = limits["memory"].flatMap(PodHardening.quantity)
        let place = "\(place).resources.limits"
        if floor.maxMemory > 0 {
            list.limit(
                Int(memory ?? 0),
                floor.maxMemory,
                "\(place).memory",
                "floor.maxMemory"
            )
        } else if memory == nil, !floor.allowUnlimited {
            list.add("\(place).memory", "without limit", "needs floor.allowUnlimited")
        }
        let cpus = limits["cpu"].flatMap(PodHardening.quantity) ?? 0
        list.limit(
            Int((cpus * 1000).rounded()),
            Int((floor.maxCPUs * 1000).rounded()),
            "\(place).cpu",
            "floor.maxCPUs × 1000"
        )
    }
}
