/// What a list of containers says about one (`GET /containers/json`).
package struct ContainerSummary: Sendable, Decodable {
    package var id: String
    package var names: [String]
    package var labels: [String: String]
    /// `created`, `running`, `exited`, …
    package var state: String
    /// Seconds since 1970 at its creation.
    package var created: Int

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case names = "Names"
        case labels = "Labels"
        case state = "State"
        case created = "Created"
    }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        id = try box.decode(String.self, forKey: .id)
        names = try box.decodeIfPresent([String].self, forKey: .names) ?? []
        labels = try box.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        state = try box.decodeIfPresent(String.self, forKey: .state) ?? ""
        created = try box.decodeIfPresent(Int.self, forKey: .created) ?? 0
    }
}

/// The state of one container.
package struct ContainerState: Sendable, Decodable {
    package var isRunning: Bool
    package var exitCode: Int

    private enum CodingKeys: String, CodingKey {
        case isRunning = "Running"
        case exitCode = "ExitCode"
    }
}

struct ContainerInspection: Decodable {
    var State: ContainerState
}

/// The state of a program that was started by an exec.
package struct ExecState: Sendable, Decodable {
    package var isRunning: Bool
    /// `nil` until it has ended; negative when the engine knows none.
    package var exitCode: Int?

    private enum CodingKeys: String, CodingKey {
        case isRunning = "Running"
        case exitCode = "ExitCode"
    }
}
