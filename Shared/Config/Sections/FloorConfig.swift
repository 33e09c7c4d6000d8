/// The limits that a reply of the config webhook cannot cross.
///
/// They bind the reply, not the static file: what the file itself sets stays allowed.
package struct FloorConfig: ConfigSection {
    /// The backends that may be chosen; empty: all.
    package var backends: [BackendKind] = []
    /// Privileged containers, added capabilities and devices, and weaker confinement.
    package var allowPrivileged = false
    /// The capabilities that need no permission, without `CAP_` (capabilities(7)).
    package var capabilities = DockerHardening.capabilities
    /// The network namespace of the host or of another container, and ports of the host.
    package var allowHostNetwork = false
    /// Process, IPC, user, UTS and cgroup namespaces of the host.
    package var allowHostNamespaces = false
    /// Files of the host inside the workspace.
    package var allowHostMounts = false
    /// Workspaces without a limit on memory or processes.
    package var allowUnlimited = false
    /// The modes of the docker backend that may be chosen, besides the static one.
    package var modes: [DockerExecutionConfig.Mode] = [.connection, .session]
    /// Another container engine or cluster than the static one, which would get its credentials.
    package var allowConnection = false
    /// Another target of the sshproxy backend, or other credentials there.
    package var allowTarget = true
    /// Bytes of memory of a workspace; 0: no limit.
    package var maxMemory = 0
    /// Processes of a workspace; 0: no limit.
    package var maxPids = 0
    /// Processors of a workspace; 0: no limit.
    package var maxCPUs = 0.0

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("backends", &backends)
        visitor.field("allowPrivileged", &allowPrivileged)
        visitor.field("capabilities", &capabilities)
        visitor.field("allowHostNetwork", &allowHostNetwork)
        visitor.field("allowHostNamespaces", &allowHostNamespaces)
        visitor.field("allowHostMounts", &allowHostMounts)
        visitor.field("allowUnlimited", &allowUnlimited)
        visitor.field("modes", &modes)
        visitor.field("allowConnection", &allowConnection)
        visitor.field("allowTarget", &allowTarget)
        visitor.field("maxMemory", &maxMemory)
        visitor.field("maxPids", &maxPids)
        visitor.field("maxCPUs", &maxCPUs)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("maxMemory", maxMemory, in: 0...Int.max)
        list.check("maxPids", maxPids, in: 0...Int.max)
        list.check(maxCPUs >= 0, "maxCPUs", "\(maxCPUs)", "must be at least 0")
        return list.problems
    }
}
