/// The sandbox backend: namespaces of this machine, no daemon and no image.
package struct SandboxConfig: ConfigSection {
    package enum Network: String, ConfigChoice {
        /// A network namespace of its own with only the loopback interface.
        case none
        case host
    }

    package var shellCommand = ["/bin/bash"]
    /// The root file system, mounted read-only; empty: that of the host.
    package var root = ""
    package var home = SandboxHomeConfig()
    /// Name or number of the host's user that programs run as, never root; empty: a number of its
    /// own for every sandbox. A gateway that is not root has only its own user.
    package var user = ""
    package var hostname = "sandbox"
    package var network = Network.none
    /// Bytes; 0: no limit.
    package var memory = 512 << 20
    /// Processes and threads; 0: no limit.
    package var pids = 256
    /// Processors; 0: no limit.
    package var cpus = 0.0
    /// Open files of one process; 0: no limit.
    package var openFiles = 1024
    package var environment: [String: String] = [:]
    /// Subsystem name to the program that serves it.
    package var subsystems = ["sftp": "/usr/lib/openssh/sftp-server"]
    package var mounts: [SandboxMountConfig] = []
    package var exposeAuthMetadataAsEnv = false
    /// After this time without its gateway, a sandbox may be removed by any other.
    package var leaseTimeout: Duration = .seconds(30)
    package var timeouts = SandboxTimeoutsConfig()
    /// The program `bwrap`.
    package var bubblewrap = "/usr/bin/bwrap"
    /// The program `berth-sandbox-init`; empty: the one beside the gateway's executable.
    package var initPath = ""
    /// Where leases and overlays are kept.
    package var stateDirectory = "/var/lib/berth/sandbox"

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("shellCommand", &shellCommand)
        visitor.field("root", &root)
        visitor.section("home", &home)
        visitor.field("user", &user)
        visitor.field("hostname", &hostname)
        visitor.field("network", &network)
        visitor.field("memory", &memory)
        visitor.field("pids", &pids)
        visitor.field("cpus", &cpus)
        visitor.field("openFiles", &openFiles)
        visitor.field("environment", &environment)
        visitor.field("subsystems", &subsystems)
        visitor.sections("mounts", &mounts)
        visitor.field("exposeAuthMetadataAsEnv", &exposeAuthMetadataAsEnv)
        visitor.field("leaseTimeout", &leaseTimeout)
        visitor.section("timeouts", &timeouts)
        visitor.field("bubblewrap", &bubblewrap)
        visitor.field("initPath", &initPath)
        visitor.field("stateDirectory", &stateDirectory)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("shellCommand", shellCommand)
        list.check(root.isEmpty || root.hasPrefix("/"), "root", root, "must be an absolute path")
        list.check(
            Self.isHostname(hostname),
            "hostname",
            hostname,
            "must be 1 to 63 letters, digits and hyphens"
        )
        // Less than this does not even start a shell.
        list.check(memory == 0 || memory >= 4 << 20, "memory", "\(memory)", "must be 0 or ≥ 4 MiB")
        list.check("pids", pids, in: 0...4_194_304)
        list.check(cpus >= 0 && cpus <= 4096, "cpus", "\(cpus)", "must be 0...4096")
        list.check("openFiles", openFiles, in: 0...1_048_576)
        for name in environment.keys.sorted() {
            list.check(
                !name.isEmpty && !name.contains("=") && !name.contains("\0"),
                "environment",
                "\"\(name)\"",
                "must be a variable name"
            )
        }
        list.check("leaseTimeout", leaseTimeout, atLeast: .seconds(1))
        list.check(
            bubblewrap.hasPrefix("/"),
            "bubblewrap",
            bubblewrap,
            "must be an absolute path"
        )
        list.check(
            initPath.isEmpty || initPath.hasPrefix("/"),
            "initPath",
            initPath,
            "must be an absolute path"
        )
        list.check(
            stateDirectory.hasPrefix("/"),
            "stateDirectory",
            stateDirectory,
            "must be an absolute path"
        )
        return list.problems
    }

    static func isHostname(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
                    || (0x61...0x7A).contains($0) || $0 == 0x2D
            }
    }
}

/// The home directory, which is gone when the connection ends.
package struct SandboxHomeConfig: ConfigSection {
    /// Bytes it may hold; 0: no limit.
    package var size = 256 << 20

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("size", &size)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("size", size, in: 0...Int.max)
        return list.problems
    }
}

/// A directory or file of the host inside the sandbox.
package struct SandboxMountConfig: ConfigSection {
    package var source = ""
    package var target = ""
    package var readOnly = true

    package init() {}

    package init(source: String, target: String, readOnly: Bool = true) {
        self.source = source
        self.target = target
        self.readOnly = readOnly
    }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("source", &source)
        visitor.field("target", &target)
        visitor.field("readOnly", &readOnly)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(source.hasPrefix("/"), "source", source, "must be an absolute path")
        list.check(target.hasPrefix("/"), "target", target, "must be an absolute path")
        return list.problems
    }
}

package struct SandboxTimeoutsConfig: ConfigSection {
    package var start: Duration = .seconds(10)
    package var stop: Duration = .seconds(10)
    package var commandStart: Duration = .seconds(10)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("start", &start)
        visitor.field("stop", &stop)
        visitor.field("commandStart", &commandStart)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("start", start, atLeast: .milliseconds(100))
        list.check("stop", stop, atLeast: .milliseconds(100))
        list.check("commandStart", commandStart, atLeast: .milliseconds(100))
        return list.problems
    }
}
