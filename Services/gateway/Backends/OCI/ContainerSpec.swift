import BackendMachine
import Glibc
import SharedConfig

/// The configuration of a container as the runtime reads it (OCI runtime specification 1.0,
/// config.md and config-linux.md).
struct ContainerSpec {
    let plan: ContainerPlan
    let host: ContainerHost

    /// What containers of one gateway have in common.
    struct ContainerHost: Sendable {
        /// Bound at `AgentFolder.mountPoint`.
        var agentFolder: String
        /// Controllers that can be used; `nil`: the runtime makes no control groups.
        var controllers: [ControlGroups.Controller]?
    }

    private static let cpuPeriod = 100_000
    /// The agent, beside the people's programs.
    private static let ownProcesses = 2
    private static let maskedPaths: ConfigTree = [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
        "/sys/dev/block", "/sys/firmware", "/sys/devices/virtual/powercap",
    ]
    private static let readonlyPaths: ConfigTree = [
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ]

    /// For the container with this bundle folder and this path below the hierarchies' tops.
    func tree(bundle: String, groups: String) -> ConfigTree {
        var linux: [String: ConfigTree] = [
            "namespaces": .list(namespaces.map { ["type": .string($0)] }),
            "maskedPaths": Self.maskedPaths,
            "readonlyPaths": Self.readonlyPaths,
            "seccomp": SeccompProfile.tree,
        ]
        if plan.config.ids.isMapped {
            linux["uidMappings"] = idMappings
            linux["gidMappings"] = idMappings
        }
        if host.controllers != nil {
            linux["cgroupsPath"] = .string(groups)
            linux["resources"] = resources
        }
        let own: ConfigTree = [
            "ociVersion": "1.0.2",
            "process": process,
            "root": [
                "path": .string(Bundle.root(plan)), "readonly": .bool(plan.config.disk.readOnly),
            ],
            "hostname": .string(plan.config.hostname),
            "mounts": .list(mounts(bundle) + extraMounts),
            "linux": .map(linux),
        ]
        guard case .map(var patch) = plan.config.spec else { return own }
        patch["mounts"] = nil
        return own.merged(with: .map(patch))
    }

    // MARK: - Process

    private var process: ConfigTree {
        [
            "terminal": false,
            "user": [
                "uid": .integer(Int(plan.user.user)), "gid": .integer(Int(plan.user.group)),
                "additionalGids": .list(plan.user.groups.map { .integer(Int($0)) }),
            ],
            "args": [.string(AgentFolder.program), "init"],
            "env": .list(plan.environment.map { .string($0) }),
            "cwd": "/",
            "capabilities": capabilities,
            "rlimits": .list(resourceLimits),
            "noNewPrivileges": true,
        ]
    }

    /// Those of a user who is not root are empty whatever is allowed.
    private var capabilities: ConfigTree {
        let allowed = ConfigTree.list(plan.config.capabilities.map { .string($0) })
        guard plan.user.user == 0 else { return ["bounding": allowed] }
        return ["bounding": allowed, "effective": allowed, "permitted": allowed]
    }

    private var resourceLimits: [ConfigTree] {
        var limits: [ConfigTree] = [["type": "RLIMIT_CORE", "soft": 0, "hard": 0]]
        if plan.config.openFiles > 0 {
            // More than the gateway's own is not to be had without a privilege.
            var own = rlimit()
            _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &own)
            let most = Int(clamping: own.rlim_max)
            let number = ConfigTree.integer(min(plan.config.openFiles, most))
            limits.append(["type": "RLIMIT_NOFILE", "soft": number, "hard": number])
        }
        return limits
    }

    // MARK: - Surroundings

    private var namespaces: [String] {
        ["pid", "ipc", "uts", "mount"] + (host.controllers == nil ? [] : ["cgroup"])
            + (plan.config.network == .none ? ["network"] : [])
            + (plan.config.ids.isMapped ? ["user"] : [])
    }

    private var idMappings: ConfigTree {
        let ids = plan.config.ids
        return [
            ["containerID": 0, "hostID": .integer(ids.first), "size": .integer(ids.count)]
        ]
    }

    private var resources: ConfigTree {
        var resources: [String: ConfigTree] = [
            "devices": [["allow": false, "access": "rwm"]]
        ]
        let usable = host.controllers ?? []
        if plan.config.memory > 0, usable.contains(.memory) {
            resources["memory"] = ["limit": .integer(plan.config.memory)]
        }
        if plan.config.pids > 0, usable.contains(.pids) {
            resources["pids"] = ["limit": .integer(plan.config.pids + Self.ownProcesses)]
        }
        if plan.config.cpus > 0, usable.contains(.cpu) {
            let quota = max(1000, Int(plan.config.cpus * Double(Self.cpuPeriod)))
            resources["cpu"] = ["quota": .integer(quota), "period": .integer(Self.cpuPeriod)]
        }
        return .map(resources)
    }

    private func mounts(_ bundle: String) -> [ConfigTree] {
        let small = ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]
        let size = "size=\(plan.config.disk.temporary)"
        var list = [
            Self.mount("proc", "proc", "/proc", ["nosuid", "noexec", "nodev"]),
            Self.mount(
                "tmpfs",
                "tmpfs",
                "/dev",
                ["nosuid", "strictatime", "mode=755", "size=65536"]
            ),
            Self.mount(
                "devpts",
                "devpts",
                "/dev/pts",
                ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
            ),
            Self.mount("tmpfs", "shm", "/dev/shm", small),
            Self.mount("mqueue", "mqueue", "/dev/mqueue", ["nosuid", "noexec", "nodev"]),
            sys,
            Self.mount("tmpfs", "tmpfs", "/tmp", ["nosuid", "nodev", "mode=1777", size]),
            Self.bind(host.agentFolder, AgentFolder.mountPoint, isReadOnly: true),
        ]
        if plan.config.disk.readOnly {
            let options = ["nosuid", "nodev", "mode=755", size]
            list.append(Self.mount("tmpfs", "tmpfs", "/run", options))
        }
        if plan.config.network == .host {
            list += ["/etc/hosts", "/etc/resolv.conf"]
                .filter { (path: String) in unsafe access(path, R_OK) == 0 }
                .map { Self.bind($0, $0, isReadOnly: true) }
        } else {
            list.append(Self.bind(bundle + "/hosts", "/etc/hosts", isReadOnly: false))
        }
        return list
    }

    /// sysfs(5) shows the network, so only who made that may mount it.
    private var sys: ConfigTree {
        guard plan.config.network == .host, plan.config.ids.isMapped else {
            return Self.mount("sysfs", "sysfs", "/sys", ["nosuid", "noexec", "nodev", "ro"])
        }
        return Self.mount("bind", "/sys", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])
    }

    private var extraMounts: [ConfigTree] {
        plan.config.mounts.map { Self.bind($0.source, $0.target, isReadOnly: $0.readOnly) }
            + (plan.config.spec["mounts"]?.listItems ?? [])
    }

    private static func mount(
        _ type: String,
        _ source: String,
        _ target: String,
        _ options: [String]
    ) -> ConfigTree {
        [
            "destination": .string(target), "type": .string(type), "source": .string(source),
            "options": .list(options.map { .string($0) }),
        ]
    }

    private static func bind(_ source: String, _ target: String, isReadOnly: Bool) -> ConfigTree {
        mount("bind", source, target, ["rbind", isReadOnly ? "ro" : "rw", "nosuid", "nodev"])
    }
}

extension ConfigTree {
    fileprivate var listItems: [ConfigTree]? {
        guard case .list(let items) = self else { return nil }
        return items
    }
}
