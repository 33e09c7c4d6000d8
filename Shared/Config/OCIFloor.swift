/// What of the section `oci` the floor forbids in a reply.
struct OCIFloor {
    let floor: FloorConfig
    let config: OCIConfig

    private static let privileged = "needs floor.allowPrivileged"
    private static let hostMounts = "needs floor.allowHostMounts"

    func check(_ list: inout Crossings) {
        if !floor.allowHostNetwork, config.network == .host {
            list.add("oci.network", "host", "needs floor.allowHostNetwork")
        }
        if !floor.allowPrivileged {
            let allowed = Set(
                (floor.capabilities + OCIConfig.defaultCapabilities)
                    .map { $0.uppercased().replacing("CAP_", with: "") }
            )
            for name in config.capabilities
            where !allowed.contains(name.replacing("CAP_", with: "")) {
                let rule = "can only have what floor.capabilities lists, or \(Self.privileged)"
                list.add("oci.capabilities", name, rule)
            }
        }
        if !floor.allowHostMounts {
            for mount in config.mounts {
                let access = mount.readOnly ? "read-only" : "writable"
                let value = "\(mount.source) at \(mount.target), \(access)"
                list.add("oci.mounts", value, Self.hostMounts)
            }
        }
        limits(&list)
        spec(&list)
    }

    private func limits(_ list: inout Crossings) {
        let millicores = Int((config.cpus * 1000).rounded())
        let maximum = Int((floor.maxCPUs * 1000).rounded())
        list.limit(config.memory, floor.maxMemory, "oci.memory", "floor.maxMemory")
        list.limit(config.pids, floor.maxPids, "oci.pids", "floor.maxPids")
        list.limit(millicores, maximum, "oci.cpus", "floor.maxCPUs × 1000")
        guard !floor.allowUnlimited else { return }
        let rule = "needs floor.allowUnlimited"
        if config.memory == 0, floor.maxMemory == 0 {
            list.add("oci.memory", "without limit", rule)
        }
        if config.pids == 0, floor.maxPids == 0 { list.add("oci.pids", "without limit", rule) }
    }

    // MARK: - The runtime's configuration

    /// Whatever is not known to be harmless needs the right to loosen a container: specifications
    /// grow, and runtimes have keys of their own.
    private func spec(_ list: inout Crossings) {
        guard case .map(let map) = config.spec else { return }
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            switch key {
            case "hostname", "domainname": continue
            case "mounts": mounts(value, &list)
            case "linux": linux(value, &list)
            default: add("oci.spec.\(key)", value, floor.allowPrivileged, Self.privileged, &list)
            }
        }
    }

    private func linux(_ tree: ConfigTree, _ list: inout Crossings) {
        guard case .map(let map) = tree else {
            return add("oci.spec.linux", tree, floor.allowPrivileged, Self.privileged, &list)
        }
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            let path = "oci.spec.linux.\(key)"
            switch key {
            case "namespaces":
                add(
                    path,
                    value,
                    floor.allowHostNamespaces && floor.allowHostNetwork,
                    "needs floor.allowHostNamespaces and floor.allowHostNetwork",
                    &list
                )
            case "uidMappings", "gidMappings":
                let rule = "needs floor.allowHostNamespaces"
                add(path, value, floor.allowHostNamespaces, rule, &list)
            default: add(path, value, floor.allowPrivileged, Self.privileged, &list)
            }
        }
    }

    private func mounts(_ tree: ConfigTree, _ list: inout Crossings) {
        for mount in tree.items ?? [tree] {
            let isHarmless =
                mount["type"] == "tmpfs"
                && (mount["options"]?.items ?? []).allSatisfy(Self.isHarmlessOption)
            guard !isHarmless else { continue }
            add("oci.spec.mounts", mount, floor.allowHostMounts, Self.hostMounts, &list)
        }
    }

    private static func isHarmlessOption(_ option: ConfigTree) -> Bool {
        guard case .string(let text) = option else { return false }
        return ["nosuid", "nodev", "noexec", "ro", "rw", "noatime", "relatime"].contains(text)
            || ["size=", "mode=", "uid=", "gid=", "nr_inodes="].contains(where: text.hasPrefix)
    }

    private func add(
        _ path: String,
        _ value: ConfigTree,
        _ isAllowed: Bool,
        _ rule: String,
        _ list: inout Crossings
    ) {
        if !isAllowed { list.add(path, value.json, rule) }
    }
}
