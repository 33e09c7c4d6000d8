import GatewayCore
import GuestAgent
import SharedConfig

extension ContainerSpec {
    /// The same container with the agent as its first process: in place of entry point and
    /// command of the image, behind an entry point that is configured.
    /// `socket` is where the agent is to call.
    func withAgent(
        _ way: AgentDelivery.Way,
        socket: String?,
        _ execution: DockerExecutionConfig
    ) -> ContainerSpec {
        var spec = self
        var members = body.members
        let place = socket == nil ? [] : [AgentFiles.socket]
        let command: ConfigTree = .strings([AgentFiles.agent, "init"] + place)
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
            mounts.append(Self.mount(folder, at: AgentFiles.root))
            if let socket { mounts.append(Self.mount(socket, at: AgentFiles.socket)) }
            host["Mounts"] = .list(mounts)
        }
        members["HostConfig"] = .map(host)
        spec.body = .map(members)
        return spec
    }

    private static func mount(_ source: String, at target: String) -> ConfigTree {
        ["Type": "bind", "Source": .string(source), "Target": .string(target), "ReadOnly": true]
    }

    /// Whose network a program in the container is in.
    static func network(_ execution: DockerExecutionConfig) -> DialNetwork {
        execution.host.text("networkmode") == "host" ? .gateway : .workspace
    }
}
