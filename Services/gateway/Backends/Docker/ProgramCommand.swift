import GatewayCore
import SharedConfig
import SharedMessages

/// What is executed for a request, as an argument list.
enum ProgramCommand {
    /// Throws `DOCKER_SUBSYSTEM_NOT_SUPPORTED` for a subsystem that is not configured.
    static func arguments(
        for kind: ProgramRequest.Kind,
        _ execution: DockerExecutionConfig
    ) throws(CodedError) -> [String] {
        switch kind {
        case .shell: return execution.shellCommand
        case .exec(let command): return [Scripts.shell, "-c", command]
        case .subsystem(let name):
            guard let program = execution.subsystems[name] else {
                throw CodedError(.dockerSubsystemNotSupported, detail: name)
            }
            return [program]
        }
    }
}
