package import SharedSSH

/// What an agent is asked to run.
package struct AgentProgram: Sendable, Hashable {
    /// SFTP's server, which is part of the agent.
    package static let sftpServer: RawText = "@sftp-server"

    /// A path, a name that is searched in PATH of the program's environment, or one of the
    /// agent's own.
    package var file: RawText
    /// The first is argument 0.
    package var arguments: [RawText]
    /// `NAME=VALUE`; later ones win. On top of the agent's own environment, which is the
    /// container's.
    package var environment: [RawText]
    /// Instead of the agent's own.
    package var replacesEnvironment: Bool
    /// Where it runs; empty: where the agent does.
    package var folder: String
    package var terminal: PTYRequest?
    /// The agent shall tell what the terminal does with its input; some agents cannot.
    package var watchesInput: Bool

    package init(
        file: RawText,
        arguments: [RawText],
        environment: [RawText] = [],
        replacesEnvironment: Bool = false,
        folder: String = "",
        terminal: PTYRequest? = nil,
        watchesInput: Bool = false
    ) {
        self.file = file
        self.arguments = arguments
        self.environment = environment
        self.replacesEnvironment = replacesEnvironment
        self.folder = folder
        self.terminal = terminal
        self.watchesInput = watchesInput
    }
}

extension AgentProgram {
    private static let terminalFlag: UInt8 = 1
    private static let replaceFlag: UInt8 = 2
    private static let inputFlag: UInt8 = 4

    /// Whether it can be told to an agent: no NUL, and not too many of anything.
    var isSendable: Bool {
        let texts = [file] + arguments + environment
        return arguments.count <= FrameLimits.mostStrings
            && environment.count <= FrameLimits.mostStrings
            && !texts.contains { $0.bytes.contains(0) } && !folder.utf8.contains(0)
    }

    func write(to frame: inout FrameWriter, tellsInput: Bool) {
        frame.integer(
            (terminal == nil ? 0 : Self.terminalFlag)
                | (replacesEnvironment ? Self.replaceFlag : 0)
                | (tellsInput ? Self.inputFlag : 0)
        )
        frame.string(Array(folder.utf8))
        frame.string(file.bytes)
        for list in [arguments, environment] {
            frame.integer(UInt16(truncatingIfNeeded: list.count))
            for text in list { frame.string(text.bytes) }
        }
        guard let terminal else { return }
        terminal.size.write(to: &frame)
        frame.string(terminal.modes)
    }
}

extension WindowSize {
    func write(to frame: inout FrameWriter) {
        frame.integer(columns)
        frame.integer(rows)
        frame.integer(pixelWidth)
        frame.integer(pixelHeight)
    }
}
