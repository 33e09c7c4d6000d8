import GatewayCore
import SharedConfig
import SharedMessages
import SharedSSH

/// What is executed for a request, as an argument list.
enum ProgramCommand {
    /// Throws `DOCKER_SUBSYSTEM_NOT_SUPPORTED` for a subsystem that is not configured.
    static func arguments(
        for kind: ProgramRequest.Kind,
        _ execution: DockerExecutionConfig
    ) throws(CodedError) -> [String] {
        switch kind {
        case .shell:
            return execution.shellCommand.isEmpty ? [Scripts.shell] : execution.shellCommand
        case .exec(let command): return [Scripts.shell, "-c", command.text]
        case .subsystem(let name):
            guard let program = name.exactText.flatMap({ execution.subsystems[$0] }) else {
                throw CodedError(.dockerSubsystemNotSupported, detail: name.text)
            }
            return [program]
        }
    }
}
