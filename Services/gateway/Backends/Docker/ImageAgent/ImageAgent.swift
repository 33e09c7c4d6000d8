import SharedConfig

/// How the agent is called that an image has brought: ContainerSSH's command line
/// (docs/agent-protocol.md), of which ours is one implementation.
struct ImageAgent: Sendable {
    let path: String

    /// `nil` where the gateway's own agent is used, or none.
    init?(_ execution: DockerExecutionConfig) {
        guard !execution.disableAgent, execution.agent.delivery == .none else { return nil }
        path = execution.agentPath
    }

    /// Tells its process id, then becomes `command`; one that waits first reads a line feed.
    func program(_ command: [String], waits: Bool = false) -> [String] {
        [path, "console"] + (waits ? ["--wait"] : []) + ["--pid", "--"] + command
    }

    func signal(_ name: String, process: Int) -> [String] {
        [path, "signal", "--pid", "\(process)", "--signal", name]
    }

    /// Its input becomes a file of mode 0600.
    func writeFile(_ path: String) -> [String] { [self.path, "write-file", path] }

    /// A first process that tells its id and ends when its input does, without anything else of
    /// the image: it waits for a byte that never comes.
    var attached: [String] { program([path, "console", "--wait", "--"] + waiting) }

    /// A first process that waits for the end.
    var waiting: [String] { [path, "wait-signal", "--signal", "INT", "--signal", "TERM"] }
}
