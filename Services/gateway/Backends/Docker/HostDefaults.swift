import SharedConfig

/// What holds for a container unless the configuration says otherwise: no new privileges, few
/// capabilities, limits on memory and processes, nothing of a session in the engine's logs.
///
/// A member that the configuration has, even as `null`, is left alone. Capabilities it adds come
/// on top of ours as long as it does not say what is dropped.
enum HostDefaults {
    static func applied(to host: ConfigTree, isLasting: Bool = false) -> ConfigTree {
        var members = host.members
        let isPrivileged = members["Privileged"] == true
        if members["CapDrop"] == nil, !isPrivileged {
            members["CapDrop"] = ["ALL"]
            let added = members["CapAdd"].strings
            members["CapAdd"] = .strings(
                DockerHardening.capabilities.filter { !added.contains($0) } + added
            )
        }
        let options = members["SecurityOpt"].strings
        if !isPrivileged, !options.contains(where: { $0.hasPrefix("no-new-privileges") }) {
            members["SecurityOpt"] = .strings(options + ["no-new-privileges"])
        }
        members["PidsLimit"] = members["PidsLimit"] ?? .integer(DockerHardening.pids)
        members["Memory"] = members["Memory"] ?? .integer(DockerHardening.memory)
        // What the first process says is a person's session: not for the engine's log files.
        members["LogConfig"] = members["LogConfig"] ?? ["Type": "none"]
        // The engine's init reaps orphans, which our first process knows nothing about.
        members["Init"] = members["Init"] ?? true
        let restart = (members["RestartPolicy"] ?? .null).text("Name")
        if !isLasting, restart.isEmpty || restart == "no" {
            members["AutoRemove"] = members["AutoRemove"] ?? true
        }
        return .map(members)
    }
}
