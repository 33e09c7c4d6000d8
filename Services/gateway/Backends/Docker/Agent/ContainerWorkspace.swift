import GatewayCore

/// A workspace that is a container of its own.
protocol ContainerWorkspace: Workspace {
    var containerID: String { get }

    /// Whether its container runs, as far as is known without asking.
    var isAlive: Bool { get }

    /// Whether it still answers, asked with a time limit.
    func answers() async -> Bool

    /// Kills what was started here but some programs; the container stays.
    func endPrograms(except kept: [any Program]) async
}
