/// The oci backend: containers of this machine, run by crun or runc, without a daemon.
package struct OCIConfig: ConfigSection {
    package enum Network: String, ConfigChoice {
        /// A network namespace of its own with only the loopback interface.
        case none
        case host
    }

    /// What a container has that its user is root; all others are taken away for good.
    package static let defaultCapabilities = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
        "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID",
    ]

    /// The name under which `berth image import` brought the image in.
    package var image = ""
    package var shellCommand = ["/bin/bash"]
    /// `user` or `user:group` by name or number; empty: what the image says, else root.
    package var user = ""
    /// Where programs start; empty: the user's home if it is there, else what the image says.
    package var workingDirectory = ""
    package var hostname = "container"
    package var network = Network.none
    /// Bytes, of programs and of what they write; 0: no limit.
    package var memory = 512 << 20
    /// Processes and threads; 0: no limit.
    package var pids = 256
    /// Processors; 0: no limit.
    package var cpus = 0.0
    /// Open files of one process; 0: no limit.
    package var openFiles = 1024
    package var disk = OCIDiskConfig()
    /// Who the container's users are out here.
    package var ids = OCIIDsConfig()
    /// Only a user who is root in the container has them.
    package var capabilities = OCIConfig.defaultCapabilities
    package var environment: [String: String] = [:]
    /// Subsystem name to the program that serves it.
    package var subsystems = ["sftp": "/usr/lib/openssh/sftp-server"]
    package var mounts: [SandboxMountConfig] = []
    package var exposeAuthMetadataAsEnv = false
    /// Laid over the runtime's configuration (`config.json` of the OCI runtime specification) as a
    /// JSON Merge Patch; its `mounts` come after ours.
    package var spec = ConfigTree.null
    package var pool = PoolConfig()
    package var timeouts = SandboxTimeoutsConfig()
    /// The program crun or runc; empty: the first of both that works here.
    package var runtime = ""
    /// The program `berth-agent`; empty: the one beside the gateway's executable.
    package var agentPath = ""
    package var imageDirectory = "/var/lib/berth/images"
    /// Where leases and bundles are kept.
    package var stateDirectory = "/var/lib/berth/oci"

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("image", &image)
        visitor.field("shellCommand", &shellCommand)
        visitor.field("user", &user)
        visitor.field("workingDirectory", &workingDirectory)
        visitor.field("hostname", &hostname)
        visitor.field("network", &network)
        visitor.field("memory", &memory)
        visitor.field("pids", &pids)
        visitor.field("cpus", &cpus)
        visitor.field("openFiles", &openFiles)
        visitor.section("disk", &disk)
        visitor.section("ids", &ids)
        visitor.field("capabilities", &capabilities)
        visitor.field("environment", &environment)
        visitor.field("subsystems", &subsystems)
        visitor.sections("mounts", &mounts)
        visitor.field("exposeAuthMetadataAsEnv", &exposeAuthMetadataAsEnv)
        visitor.field("spec", &spec)
        visitor.section("pool", &pool)
        visitor.section("timeouts", &timeouts)
        visitor.field("runtime", &runtime)
        visitor.field("agentPath", &agentPath)
        visitor.field("imageDirectory", &imageDirectory)
        visitor.field("stateDirectory", &stateDirectory)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("image", image)
        list.checkSet("shellCommand", shellCommand)
        list.check(
            SandboxConfig.isHostname(hostname),
            "hostname",
            hostname,
            "must be 1 to 63 letters, digits and hyphens"
        )
        // Less than this does not even start a shell.
        list.check(memory == 0 || memory >= 8 << 20, "memory", "\(memory)", "must be 0 or ≥ 8 MiB")
        list.check("pids", pids, in: 0...4_194_304)
        list.check(cpus >= 0 && cpus <= 4096, "cpus", "\(cpus)", "must be 0...4096")
        list.check("openFiles", openFiles, in: 0...1_048_576)
        checkDisk(&list)
        for name in capabilities {
            list.check(
                name.hasPrefix("CAP_") && name == name.uppercased(),
                "capabilities",
                "\"\(name)\"",
                "must be a name such as CAP_CHOWN"
            )
        }
        for name in environment.keys.sorted() {
            list.check(
                !name.isEmpty && !name.contains("=") && !name.contains("\0"),
                "environment",
                "\"\(name)\"",
                "must be a variable name"
            )
        }
        checkSpec(&list)
        for (key, value, isNeeded) in [
            ("workingDirectory", workingDirectory, false), ("runtime", runtime, false),
            ("agentPath", agentPath, false), ("imageDirectory", imageDirectory, true),
            ("stateDirectory", stateDirectory, true),
        ] {
            let holds = value.isEmpty && !isNeeded || value.hasPrefix("/")
            list.check(holds, key, value, "must be an absolute path")
        }
        return list.problems
    }

    private func checkDisk(_ list: inout Rules) {
        guard memory > 0 else { return }
        // Beyond its memory a program that writes is killed; it shall rather see a full disk.
        let written = disk.storage == .memory ? disk.size : 0
        list.check(
            written + disk.temporary < memory,
            disk.storage == .memory ? "disk.size" : "disk.temporary",
            "\(disk.storage == .memory ? disk.size : disk.temporary)",
            "must with disk.temporary be less than memory, of which it is part"
        )
    }

    /// What the backend decides itself; changing it could only break it.
    private static let ownSpec = [
        ["ociVersion"], ["root"], ["process", "args"], ["process", "commandLine"],
        ["process", "terminal"], ["process", "env"], ["process", "user"], ["process", "cwd"],
        ["linux", "cgroupsPath"],
    ]

    private func checkSpec(_ list: inout Rules) {
        list.check(spec.isMapOrNull, "spec", spec.kind, "must be a map")
        for path in Self.ownSpec where spec[path: path] != nil {
            list.check(false, "spec." + path.joined(separator: "."), nil, "is set by the backend")
        }
        guard let mounts = spec["mounts"] else { return }
        guard case .list = mounts else {
            return list.check(false, "spec.mounts", mounts.kind, "must be a list")
        }
    }
}

/// What a container may write, and gone with the container.
package struct OCIDiskConfig: ConfigSection {
    package enum Storage: String, ConfigChoice {
        /// Counts as the container's memory.
        case memory
        /// The state directory's file system, which alone limits it.
        case disk
    }

    /// Where what is written over the image's files lies.
    package var storage = Storage.memory
    /// Bytes written over the image's files, in memory.
    package var size = 256 << 20
    /// Bytes below `/tmp`.
    package var temporary = 64 << 20
    /// The image's files cannot be changed; only `/tmp` and `/run` can be written.
    package var readOnly = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("storage", &storage)
        visitor.field("size", &size)
        visitor.field("temporary", &temporary)
        visitor.field("readOnly", &readOnly)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("size", size, in: (1 << 20)...Int.max / 4)
        list.check("temporary", temporary, in: (1 << 20)...Int.max / 4)
        return list.problems
    }
}

/// A user namespace of the container (user_namespaces(7)).
package struct OCIIDsConfig: ConfigSection, Hashable {
    /// The host's user and group that are root in the container; 0: root, and no namespace.
    package var first = 0
    /// So many users and groups there are in the container.
    package var count = 65_536

    package init() {}

    package var isMapped: Bool { first > 0 }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("first", &first)
        visitor.field("count", &count)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        // The largest number means none.
        list.check("first", first, in: 0...0xFFFF_0000)
        list.check("count", count, in: 1...0xFFFF_0000)
        list.check(
            first + count <= 0xFFFF_FFFF,
            "count",
            "\(count)",
            "must with first be less than 4294967295"
        )
        return list.problems
    }
}
