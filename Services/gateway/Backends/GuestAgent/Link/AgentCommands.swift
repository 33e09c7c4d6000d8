package import GatewayCore
import SharedMessages
package import SharedSSH

/// What a backend's configuration makes of the requests of its connections, for an agent.
package struct AgentCommands: Sendable {
    /// What every program has, before what its request brings.
    package var environment: [(name: String, value: RawText)]
    /// The login shell and its arguments.
    package var shellCommand: [String]
    /// Instead of a login shell that the container does not have; empty: nothing.
    package var spareShell: [String]
    /// The program of each subsystem. The agent's own serves `sftp` where the container does not
    /// have that program.
    package var subsystems: [String: String]
    /// Where programs run; empty: where the agent does.
    package var folder: String

    private static let shell = "/bin/sh"

    package init(
        environment: [(name: String, value: RawText)] = [],
        shellCommand: [String],
        spareShell: [String] = [],
        subsystems: [String: String] = [:],
        folder: String = ""
    ) {
        self.environment = environment
        self.shellCommand = shellCommand
        self.spareShell = spareShell
        self.subsystems = subsystems
        self.folder = folder
    }

    /// What may run for a request, the best first; a later one only where the container does not
    /// have the file of the one before. Empty for a subsystem that is not configured.
    func candidates(for request: ProgramRequest) -> [AgentProgram] {
        let assignments = Self.assignments(
            environment
                + (request.pty.map { [(name: "TERM", value: RawText($0.term))] } ?? [])
                + request.environment
        )
        return words(for: request.kind).map { words in
            AgentProgram(
                file: words[0],
                arguments: words,
                environment: assignments,
                folder: folder,
                terminal: request.pty,
                watchesInput: request.watchesInput
            )
        }
    }

    /// Argument lists, none of them empty.
    private func words(for kind: ProgramRequest.Kind) -> [[RawText]] {
        switch kind {
        case .shell:
            return [shellCommand, spareShell].filter { !$0.isEmpty }.map { $0.map { RawText($0) } }
        case .exec(let line):
            return [[RawText(Self.shell), "-c", line], Self.plainWords(line)].filter {
                !$0.isEmpty
            }
        case .subsystem(let name):
            guard let name = name.exactText, let program = subsystems[name] else { return [] }
            let own = name == "sftp" ? [[AgentProgram.sftpServer]] : []
            return [[RawText(program)]] + own
        }
    }

    /// The words of a line in which nothing means anything to a shell; else none.
    static func plainWords(_ line: RawText) -> [RawText] {
        let isPlain = line.bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: " /._-+,:@%".utf8.contains(byte)
            }
        }
        guard isPlain else { return [] }
        return line.bytes.split(separator: UInt8(ascii: " ")).map { RawText(Array($0)) }
    }

    /// Assignments for a program: of several with one name the last wins, in the place of the
    /// first; what no environment can hold is left out.
    package static func assignments(_ list: [(name: String, value: RawText)]) -> [RawText] {
        var order: [String] = []
        var values: [String: RawText] = [:]
        for (name, value) in list where isUsable(name) && !value.bytes.contains(0) {
            if values.updateValue(value, forKey: name) == nil { order.append(name) }
        }
        return order.map { RawText(Array("\($0)=".utf8) + (values[$0]?.bytes ?? [])) }
    }

    private static func isUsable(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "=") }
    }
}

extension AgentLink {
    /// Starts what `commands` say for a request; `nil` for a subsystem that is not configured.
    ///
    /// Throws as `start(_:)` does.
    package func start(
        _ request: ProgramRequest,
        _ commands: AgentCommands
    ) async throws -> (any Program)? {
        var missing: (any Error)?
        for program in commands.candidates(for: request) {
            do {
                return try await start(program)
            } catch let error as CodedError {
                guard (error.cause as? AgentRefusal)?.isMissing == true else { throw error }
                missing = missing ?? error
            }
        }
        if let missing { throw missing }
        return nil
    }
}
