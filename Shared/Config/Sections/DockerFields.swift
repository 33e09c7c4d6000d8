/// The names of the fields in the engine's create-container body (Engine API 1.51).
///
/// What is not among those of an object's top level is accepted in the configuration and does
/// nothing: the engine reads some fields in several places, and what a field of a future engine
/// allows nobody can judge.
package enum DockerFields {
    package static let container = [
        "Hostname", "Domainname", "User", "AttachStdin", "AttachStdout", "AttachStderr",
        "ExposedPorts", "Tty", "OpenStdin", "StdinOnce", "Env", "Cmd", "Healthcheck",
        "ArgsEscaped", "Image", "Volumes", "WorkingDir", "Entrypoint", "NetworkDisabled",
        "MacAddress", "OnBuild", "Labels", "StopSignal", "StopTimeout", "Shell",
    ]

    /// Of HostConfig, with the limits on resources that the API has on the same level.
    package static let host = [
        "Binds", "ContainerIDFile", "LogConfig", "NetworkMode", "PortBindings", "RestartPolicy",
        "AutoRemove", "VolumeDriver", "VolumesFrom", "ConsoleSize", "Annotations", "CapAdd",
        "CapDrop", "CgroupnsMode", "Dns", "DnsOptions", "DnsSearch", "ExtraHosts", "GroupAdd",
        "IpcMode", "Cgroup", "Links", "OomScoreAdj", "PidMode", "Privileged", "PublishAllPorts",
        "ReadonlyRootfs", "SecurityOpt", "StorageOpt", "Tmpfs", "UTSMode", "UsernsMode",
        "ShmSize", "Sysctls", "Runtime", "Isolation", "Mounts", "MaskedPaths", "ReadonlyPaths",
        "Init", "CpuShares", "Memory", "NanoCpus", "CgroupParent", "BlkioWeight",
        "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps",
        "BlkioDeviceWriteIOps", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod",
        "CpuRealtimeRuntime", "CpusetCpus", "CpusetMems", "Devices", "DeviceCgroupRules",
        "DeviceRequests", "KernelMemory", "KernelMemoryTCP", "MemoryReservation", "MemorySwap",
        "MemorySwappiness", "OomKillDisable", "PidsLimit", "Ulimits", "CpuCount", "CpuPercent",
        "IOMaximumIOps", "IOMaximumBandwidth",
    ]

    package static let network = ["EndpointsConfig"]

    /// Inside the fields above, in whatever depth.
    package static let nested = [
        "Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries", "Type",
        "Config", "HostIp", "HostPort", "Name", "MaximumRetryCount", "Path", "Weight", "Rate",
        "PathOnHost", "PathInContainer", "CgroupPermissions", "Driver", "Count", "DeviceIDs",
        "Capabilities", "Options", "Hard", "Soft", "Source", "Target", "ReadOnly", "Consistency",
        "BindOptions", "Propagation", "NonRecursive", "CreateMountpoint", "ReadOnlyNonRecursive",
        "ReadOnlyForceRecursive", "VolumeOptions", "NoCopy", "Subpath", "DriverConfig",
        "ImageOptions", "TmpfsOptions", "SizeBytes", "Mode", "ClusterOptions", "IPAMConfig",
        "IPv4Address", "IPv6Address", "LinkLocalIPs", "Aliases", "DriverOpts", "GwPriority",
        "NetworkID", "EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway",
        "GlobalIPv6Address", "GlobalIPv6PrefixLen", "DNSNames",
    ]
}

/// What holds for a container unless the configuration says otherwise.
package enum DockerHardening {
    /// What package managers, servers and `su` inside a container need; all act on what belongs to
    /// the container only.
    package static let capabilities = [
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID",
        "SETUID",
    ]
    /// What the engine gives a container of which nobody says what to drop.
    package static let engineCapabilities =
        capabilities + ["AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SETPCAP", "SYS_CHROOT"]
    /// Processes and threads: enough for a build with many jobs, far below what a machine has.
    package static let pids = 1024
    /// Bytes.
    package static let memory = 1 << 30
}
