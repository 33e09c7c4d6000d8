package import GatewayCore
import SharedMessages
import SharedSSH

extension AgentLink {
    /// Starts a program; returns once it runs.
    ///
    /// Throws `AGENT_PROGRAM_START_FAILED`, whose cause is an `AgentRefusal` when the system
    /// refused it (one that `isMissing` when there is no such file). No time limit of its own:
    /// whoever gives up cancels, and the program is killed should it start after all.
    package func start(_ program: AgentProgram) async throws -> any Program {
        guard program.isSendable else {
            throw CodedError(.agentProgramStartFailed, detail: "a NUL, or too many strings")
        }
        do {
            let (number, tellsInput) = try begin(program)
            let id = AgentID(self, number)
            _ = try await id.answer()
            return RunningProgram(
                id: id,
                hasTerminal: program.terminal != nil,
                tellsInput: tellsInput
            )
        } catch let refusal as AgentRefusal {
            throw CodedError(
                .agentProgramStartFailed,
                detail: "\(program.file.text): \(refusal)",
                cause: refusal
            )
        } catch is TooManyIDs {
            throw CodedError(.agentProgramStartFailed, detail: "too many things at a time")
        }
    }

    private func begin(_ program: AgentProgram) throws -> (id: UInt32, tellsInput: Bool) {
        try change { machine in
            let id = try machine.claim(.program(hasTerminal: program.terminal != nil))
            var frame = FrameWriter(FrameKind.start, id, room: 1024)
            let tellsInput =
                program.watchesInput && program.terminal != nil && machine.canTellInput
            if tellsInput { machine.items[id]?.untold = 0 }
            program.write(to: &frame, tellsInput: tellsInput)
            guard machine.send(frame) else {
                machine.items[id] = nil
                throw AgentRefusal(number: 7, text: "Argument list too long")  // E2BIG
            }
            return (id, tellsInput)
        }
    }
}
