import SharedConfig

/// What holds for a container unless the configuration says otherwise: no new privileges, few
/// capabilities, limits on memory and processes.
///
/// A member that the configuration has, even as `null`, is left alone. Capabilities it adds come
/// on top of ours as long as it does not say what is dropped.
enum HostDefaults {
    /// What package managers, servers and `su` inside a container need; all act on what belongs to
    /// the container only.
    static let capabilities = [
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID",
        "SETUID",
    ]
    /// Enough for a build with many jobs, far below what a machine has.
    static let pids = 1024
    static let memory = 1 << 30

    static func applied(to host: ConfigTree) -> ConfigTree {
        var members = host.members
        let isPrivileged = members["Privileged"] == true
        if members["CapDrop"] == nil, !isPrivileged {
            members["CapDrop"] = ["ALL"]
            let added = members["CapAdd"].strings
            members["CapAdd"] = .strings(capabilities.filter { !added.contains($0) } + added)
        }
        let options = members["SecurityOpt"].strings
        if !isPrivileged, !options.contains(where: { $0.hasPrefix("no-new-privileges") }) {
            members["SecurityOpt"] = .strings(options + ["no-new-privileges"])
        }
        members["PidsLimit"] = members["PidsLimit"] ?? .integer(pids)
        members["Memory"] = members["Memory"] ?? .integer(memory)
        // The engine's init reaps orphans, which our first process knows nothing about.
        members["Init"] = members["Init"] ?? true
        let restart = (members["RestartPolicy"] ?? .null).text("Name")
        if restart.isEmpty || restart == "no" {
            members["AutoRemove"] = members["AutoRemove"] ?? true
        }
        return .map(members)
    }
}
