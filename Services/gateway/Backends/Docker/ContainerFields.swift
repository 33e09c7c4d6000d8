import SharedConfig

/// Gives the members of the container objects back the names that the engine's API uses.
///
/// The configuration holds them in lower case without dots, as ContainerSSH's files spell them,
/// with `resources` lifted into `host`. Names that a person chose (labels, volumes, …) stay as
/// they are; so do names that are not in the table.
enum ContainerFields {
    static func apiForm(_ tree: ConfigTree) -> ConfigTree {
        switch tree {
        case .list(let items): return .list(items.map(apiForm))
        case .map(let members):
            let renamed = members.map { name, value in (names[name] ?? name, member(name, value)) }
            return .map(Dictionary(renamed) { first, _ in first })
        case .null, .bool, .integer, .double, .string: return tree
        }
    }

    private static func member(_ name: String, _ value: ConfigTree) -> ConfigTree {
        guard freeMaps.contains(name), case .map(let members) = value else { return apiForm(value) }
        guard fieldsBelowFree.contains(name) else { return value }
        return .map(members.mapValues(apiForm))
    }

    /// Fields whose members are names out of the person's own world.
    private static let freeMaps: Set<String> = [
        "labels", "volumes", "exposedports", "portbindings", "annotations", "tmpfs", "sysctls",
        "storageopt", "driveropts", "options", "config", "endpointsconfig",
    ]

    private static let fieldsBelowFree: Set<String> = ["endpointsconfig", "portbindings"]

    private static let names: [String: String] = Dictionary(
        (container + host + resources + mounts + network).map { ($0.lowercased(), $0) },
        uniquingKeysWith: { first, _ in first }
    )

    private static let container = [
        "Hostname", "Domainname", "User", "AttachStdin", "AttachStdout", "AttachStderr",
        "ExposedPorts", "Tty", "OpenStdin", "StdinOnce", "Env", "Cmd", "Healthcheck", "Test",
        "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries", "ArgsEscaped", "Image",
        "Volumes", "WorkingDir", "Entrypoint", "NetworkDisabled", "MacAddress", "OnBuild",
        "Labels", "StopSignal", "StopTimeout", "Shell",
    ]

    private static let host = [
        "Binds", "ContainerIDFile", "LogConfig", "Type", "Config", "NetworkMode", "PortBindings",
        "HostIp", "HostPort", "RestartPolicy", "Name", "MaximumRetryCount", "AutoRemove",
        "VolumeDriver", "VolumesFrom", "ConsoleSize", "Annotations", "CapAdd", "CapDrop",
        "CgroupnsMode", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "GroupAdd", "IpcMode",
        "Cgroup", "Links", "OomScoreAdj", "PidMode", "Privileged", "PublishAllPorts",
        "ReadonlyRootfs", "SecurityOpt", "StorageOpt", "Tmpfs", "UTSMode", "UsernsMode",
        "ShmSize", "Sysctls", "Runtime", "Isolation", "Mounts", "MaskedPaths", "ReadonlyPaths",
        "Init",
    ]

    private static let resources = [
        "CpuShares", "Memory", "NanoCpus", "CgroupParent", "BlkioWeight", "BlkioWeightDevice",
        "Path", "Weight", "Rate", "BlkioDeviceReadBps", "BlkioDeviceWriteBps",
        "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps", "CpuPeriod", "CpuQuota",
        "CpuRealtimePeriod", "CpuRealtimeRuntime", "CpusetCpus", "CpusetMems", "Devices",
        "PathOnHost", "PathInContainer", "CgroupPermissions", "DeviceCgroupRules",
        "DeviceRequests", "Driver", "Count", "DeviceIDs", "Capabilities", "Options",
        "KernelMemory", "KernelMemoryTCP", "MemoryReservation", "MemorySwap", "MemorySwappiness",
        "OomKillDisable", "PidsLimit", "Ulimits", "Hard", "Soft", "CpuCount", "CpuPercent",
        "IOMaximumIOps", "IOMaximumBandwidth",
    ]

    private static let mounts = [
        "Source", "Target", "ReadOnly", "Consistency", "BindOptions", "Propagation",
        "NonRecursive", "CreateMountpoint", "ReadOnlyNonRecursive", "ReadOnlyForceRecursive",
        "VolumeOptions", "NoCopy", "Subpath", "DriverConfig", "ImageOptions", "TmpfsOptions",
        "SizeBytes", "Mode", "ClusterOptions",
    ]

    private static let network = [
        "EndpointsConfig", "IPAMConfig", "IPv4Address", "IPv6Address", "LinkLocalIPs", "Aliases",
        "DriverOpts", "GwPriority", "NetworkID", "EndpointID", "Gateway", "IPAddress",
        "IPPrefixLen", "IPv6Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen", "DNSNames",
    ]
}
