/// What to run in a container (`POST /containers/{id}/exec`).
package struct ExecRequest: Sendable, Hashable, Encodable {
    package var command: [String]
    /// Assignments `NAME=value`, over the container's own.
    package var environment: [String]
    package var hasTerminal: Bool
    /// Rows and columns; for engines from API 1.42 on.
    package var consoleSize: [UInt32]?
    package var attachesInput = true

    package init(
        command: [String],
        environment: [String] = [],
        hasTerminal: Bool = false,
        consoleSize: [UInt32]? = nil
    ) {
        self.command = command
        self.environment = environment
        self.hasTerminal = hasTerminal
        self.consoleSize = consoleSize
    }

    private enum CodingKeys: String, CodingKey {
        case Cmd, Env, Tty, ConsoleSize, AttachStdin, AttachStdout, AttachStderr
    }

    package func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(command, forKey: .Cmd)
        try box.encode(environment, forKey: .Env)
        try box.encode(hasTerminal, forKey: .Tty)
        try box.encodeIfPresent(consoleSize, forKey: .ConsoleSize)
        try box.encode(attachesInput, forKey: .AttachStdin)
        try box.encode(true, forKey: .AttachStdout)
        try box.encode(true, forKey: .AttachStderr)
    }
}
