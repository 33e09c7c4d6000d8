package import GatewayCore
package import SharedMessages
import SharedSSH
import SharedWaiting

/// What every workspace with an agent does alike; the codes are those of its engine.
extension AgentLink {
    /// Starts what `commands` make of a request.
    ///
    /// Throws `unknownSubsystem` with the name of a subsystem that nothing serves, and
    /// `AGENT_PROGRAM_START_FAILED`, also where nothing has started within `limit`.
    package func start(
        _ request: ProgramRequest,
        _ commands: AgentCommands,
        within limit: Duration,
        unknownSubsystem: MessageCode
    ) async throws -> any Program {
        let program = try await SharedWaiting.within(
            limit,
            late: CodedError(.agentProgramStartFailed, detail: "not started in time"),
            discard: { await $0?.terminate() },
            { try await self.start(request, commands) }
        )
        if let program { return program }
        var name = ""
        if case .subsystem(let subsystem) = request.kind { name = subsystem.text }
        throw CodedError(unknownSubsystem, detail: name)
    }

    /// Puts a file into the container as `putFile(_:)` does. Throws `failure`, also where that was
    /// not done within `limit`.
    package func putFile(
        _ file: WorkspaceFile,
        within limit: Duration,
        failure: MessageCode
    ) async throws {
        do {
            try await SharedWaiting.within(
                limit,
                late: CodedError(failure, detail: "not in time"),
                { try await self.putFile(file) }
            )
        } catch let error as CodedError {
            throw CodedError(failure, detail: file.path, cause: error)
        }
    }

    /// Runs what the configuration wants to run beside everything; `nil` without a command.
    ///
    /// The program's end, of whatever kind, closes the link and ends the task.
    package func startIdle(
        _ command: [String],
        _ commands: AgentCommands
    ) async throws -> Task<Void, Never>? {
        guard let file = command.first else { return nil }
        let program = try await start(
            AgentProgram(
                file: RawText(file),
                arguments: command.map { RawText($0) },
                environment: AgentCommands.assignments(commands.environment)
            )
        )
        await program.closeInput()
        return Task {
            // Whatever it says is of no interest.
            while (try? await program.nextOutput()) != nil {}
            _ = try? await program.exit()
            await close()
        }
    }
}
