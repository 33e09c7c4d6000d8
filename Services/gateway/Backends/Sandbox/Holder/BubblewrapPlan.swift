import Foundation
import SharedConfig
import SharedSystem

/// The command line of bubblewrap for one sandbox, and the descriptors it names.
///
/// What comes from the host is handed over as open descriptors, so that nothing can be exchanged
/// between looking and mounting.
struct BubblewrapPlan: Sendable {
    private(set) var arguments: [String] = []
    private(set) var descriptors: [Descriptor] = []

    /// Where the init is inside.
    static let initPath = "/run/berth/init"
    private static let usrLinks = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]

    init(
        config: SandboxConfig,
        account: Account,
        sources: SandboxSources
    ) throws {
        namespaces(config)
        try root(config, sources)
        try devices(config)
        try identity(config, account)
        for mount in config.mounts {
            let source = try Descriptor.location(mount.source)
            add(mount.readOnly ? "--ro-bind-fd" : "--bind-fd", source, mount.target)
        }
        add("--ro-bind-fd", try sources.initProgram.duplicate(), Self.initPath)
        if config.root.isEmpty { arguments += ["--remount-ro", "/"] }
        arguments += ["--chdir", account.home]
        add("--seccomp", try sources.filter.reopened())
        arguments += ["--", Self.initPath, "\(config.pids)", account.home]
    }

    private mutating func namespaces(_ config: SandboxConfig) {
        arguments += [
            "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
            "--unshare-cgroup-try", "--die-with-parent", "--as-pid-1",
            "--uid", "\(Account.number)", "--gid", "\(Account.number)",
            "--hostname", config.hostname,
        ]
        switch config.network {
        case .none: arguments.append("--unshare-net")
        case .host: break
        }
    }

    private mutating func root(_ config: SandboxConfig, _ sources: SandboxSources) throws {
        guard config.root.isEmpty else {
            return add("--ro-bind-fd", try Descriptor.location(config.root), "/")
        }
        add("--ro-bind-fd", try Descriptor.location("/usr"), "/usr")
        for name in Self.usrLinks {
            let path = "/" + name
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
                arguments += ["--symlink", target, path]
            } else if FileManager.default.fileExists(atPath: path) {
                add("--ro-bind-fd", try Descriptor.location(path), path)
            }
        }
        if let etc = sources.etc { add("--ro-bind-fd", try etc.duplicate(), "/etc") }
        arguments += ["--dir", "/opt", "--dir", "/mnt", "--dir", "/srv", "--dir", "/root"]
    }

    private mutating func devices(_ config: SandboxConfig) throws {
        arguments += ["--proc", "/proc", "--dev", "/dev"]
        scratch("/dev/shm", "1777", config)
        // Its file system is the user's and has no limit.
        arguments += ["--remount-ro", "/dev"]
        scratch("/tmp", "1777", config)
        if config.root.isEmpty {
            arguments += ["--dir", "/var"]
            scratch("/var/tmp", "1777", config)
        }
        scratch("/run", "0755", config)
        arguments += ["--perms", "0700", "--dir", "/run/user/\(Account.number)"]
    }

    private mutating func identity(_ config: SandboxConfig, _ account: Account) throws {
        scratch("/home", "0755", config)
        arguments += ["--perms", "0700", "--dir", account.home]
        let shell = config.shellCommand.first ?? "/bin/sh"
        try file("/etc/passwd", account.passwd(shell: shell))
        try file("/etc/group", account.group)
        switch config.network {
        case .none: break
        case .host:
            if let resolver = try? Descriptor.location("/etc/resolv.conf") {
                add("--ro-bind-fd", resolver, "/etc/resolv.conf")
            }
        }
    }

    private mutating func scratch(_ path: String, _ mode: String, _ config: SandboxConfig) {
        arguments += ["--perms", mode]
        if config.home.size > 0 { arguments += ["--size", "\(config.home.size)"] }
        arguments += ["--tmpfs", path]
    }

    private mutating func file(_ path: String, _ content: String) throws {
        arguments += ["--perms", "0644"]
        add("--ro-bind-data", try Descriptor.memoryFile(Array(content.utf8)), path)
    }

    private mutating func add(_ option: String, _ descriptor: Descriptor, _ path: String? = nil) {
        arguments += [option, "\(HolderLaunch.firstDescriptor + descriptors.count)"]
        if let path { arguments.append(path) }
        descriptors.append(descriptor)
    }
}

/// What all sandboxes of a backend are made from.
struct SandboxSources: Sendable {
    var initProgram: Descriptor
    var filter: Descriptor
    /// The prepared `/etc`; `nil` where a root of its own brings one.
    var etc: Descriptor?
}
