import GatewayCore
import GuestAgent
import SharedConfig

extension ContainerSpec {
    /// The same container with the agent as its first process: in place of entry point and
    /// command of the image, behind an entry point that is configured.
    func withAgent(_ way: AgentDelivery.Way, _ execution: DockerExecutionConfig) -> ContainerSpec {
        var spec = self
        var members = body.members
        let command: ConfigTree = .strings([AgentFiles.agent, "init"])
        if execution.container["entrypoint"].strings.isEmpty {
            members["Entrypoint"] = command
            members["Cmd"] = nil
        } else {
            members["Cmd"] = command
        }
        // The person's comes with each program: until then the container is anybody's.
        members["Env"] = ContainerFields.container(execution.container).members["Env"]
        var host = (members["HostConfig"] ?? .null).members
        // The agent reaps orphans itself.
        if execution.host["init"] == nil { host["Init"] = false }
        if case .mount(let folder) = way {
            var mounts: [ConfigTree] = []
            if case .list(let configured)? = host["Mounts"] { mounts = configured }
            mounts.append([
                "Type": "bind", "Source": .string(folder), "Target": .string(AgentFiles.root),
                "ReadOnly": true,
            ])
            host["Mounts"] = .list(mounts)
        }
        members["HostConfig"] = .map(host)
        spec.body = .map(members)
        return spec
    }

    /// Whose network a program in the container is in.
    static func network(_ execution: DockerExecutionConfig) -> DialNetwork {
        execution.host.text("networkmode") == "host" ? .gateway : .workspace
    }
}
