import Glibc
import SharedConfig
import SharedSystem
import BackendMachine

/// The control groups of one sandbox.
struct SandboxGroup: Sendable {
    let paths: [String]

    private static let cpuPeriod = 100_000
    /// What bubblewrap and our init need beside the people's programs.
    private static let ownProcesses = 4

    /// Makes the groups and sets their limits; what was made is removed when something fails.
    static func make(
        _ name: String,
        in groups: ControlGroups,
        _ config: SandboxConfig
    ) throws -> SandboxGroup {
        var made: [String] = []
        do {
            for parent in groups.parents {
                let path = parent.path + "/" + name
                try ControlGroups.makeFolder(path)
                made.append(path)
                for controller in parent.controllers {
                    for (file, value) in settings(controller, parent.isVersion2, config) {
                        try ControlGroups.write(value, to: path + "/" + file)
                    }
                }
            }
        } catch {
            SandboxGroup(paths: made).remove()
            throw error
        }
        return SandboxGroup(paths: made)
    }

    /// The files and values that make `controller` keep to the configuration.
    static func settings(
        _ controller: ControlGroups.Controller,
        _ isVersion2: Bool,
        _ config: SandboxConfig
    ) -> [(file: String, value: String)] {
        switch controller {
        case .memory:
            return [(isVersion2 ? "memory.max" : "memory.limit_in_bytes", "\(config.memory)")]
        case .pids:
            return [("pids.max", "\(config.pids + ownProcesses)")]
        case .cpu:
            let quota = max(1000, Int(config.cpus * Double(cpuPeriod)))
            return isVersion2
                ? [("cpu.max", "\(quota) \(cpuPeriod)")]
                : [("cpu.cfs_period_us", "\(cpuPeriod)"), ("cpu.cfs_quota_us", "\(quota)")]
        }
    }

    /// The files through which a starting process enters, taking a "0" for itself.
    ///
    /// Version 1 has `tasks`, which moves the one thread of the newborn process without the lock
    /// that stops all process starts of the machine.
    func entrances(_ groups: ControlGroups) throws -> [Descriptor] {
        try zip(paths, groups.parents)
            .map { path, parent in
                let file = path + (parent.isVersion2 ? "/cgroup.procs" : "/tasks")
                let number = unsafe open(file, O_WRONLY | O_CLOEXEC)
                return Descriptor(try SystemFailure.check("open \(file)", number))
            }
    }

    /// Removes the groups; `false` if one is still in use.
    @discardableResult
    func remove() -> Bool {
        var isGone = true
        for path in paths where unsafe rmdir(path) != 0 && errno != ENOENT { isGone = false }
        return isGone
    }
}
