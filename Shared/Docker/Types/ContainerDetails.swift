/// What the engine says about one container (`GET /containers/{id}/json`).
package struct ContainerDetails: Sendable, Decodable {
    package enum Status: Sendable, Hashable {
        case created, running, paused, restarting, removing, exited, dead
        /// One that this client does not know; podman has some of its own.
        case other(String)

        init(_ text: String) {
            switch text {
            case "created", "configured", "initialized": self = .created
            case "running": self = .running
            case "paused": self = .paused
            case "restarting": self = .restarting
            case "removing": self = .removing
            case "exited", "stopped": self = .exited
            case "dead": self = .dead
            default: self = .other(text)
            }
        }
    }

    package let id: String
    package let status: Status
    /// Of the last run.
    package let exitCode: Int
    /// Whether the kernel killed it, or a process in it, for want of memory.
    package let isOutOfMemory: Bool
    /// When it was last started, in the engine's words: each run has its own.
    package let startedAt: String
    /// Why the last start failed, else empty.
    package let error: String
    /// Programs that run beside its first process, or are about to.
    package let execs: [String]
    package let labels: [String: String]

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case state = "State"
        case execs = "ExecIDs"
        case config = "Config"
    }

    private struct State: Decodable {
        var Status: String?
        var Running: Bool?
        var ExitCode: Int?
        var OOMKilled: Bool?
        var StartedAt: String?
        var Error: String?
    }

    private struct Config: Decodable {
        var Labels: [String: String]?
    }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        id = try box.decode(String.self, forKey: .id)
        let state = try box.decode(State.self, forKey: .state)
        status = state.Status.map(Status.init) ?? (state.Running == true ? .running : .exited)
        exitCode = state.ExitCode ?? 0
        isOutOfMemory = state.OOMKilled ?? false
        startedAt = state.StartedAt ?? ""
        error = state.Error ?? ""
        execs = try box.decodeIfPresent([String].self, forKey: .execs) ?? []
        labels = try box.decodeIfPresent(Config.self, forKey: .config)?.Labels ?? [:]
    }
}
