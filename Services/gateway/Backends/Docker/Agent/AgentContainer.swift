import GuestAgent
import Logging
import SharedConfig
import SharedDocker
import SharedMessages
import SharedSSH

/// A running container with an agent that has not been greeted.
struct AgentContainer: Sendable {
    let id: String
    let transport: DockerTransport
    let stream: EngineStream
    /// `nil` for a container that stays when everybody leaves.
    let remover: ContainerRemover?
    /// The container's own, as `NAME=VALUE`.
    let environment: [String]
    /// Waits, within limits, until an agent has ended whose container stays.
    var isGone: @Sendable () async -> Void = {}

    /// What an engine gives a container that has none (runtime-spec, as Docker fills it in).
    private static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The PATH of its programs: the container's, then the agent's own programs.
    var path: String {
        let name = "PATH="
        let own = environment.last { $0.hasPrefix(name) }?.dropFirst(name.count)
        return (own.map(String.init) ?? Self.standardPath) + ":" + AgentFiles.binaries
    }

    /// Greets the agent. What throws has removed the container.
    func greet(
        _ config: DockerConfig,
        within patience: Duration,
        _ trouble: ContainerTrouble,
        _ logger: Logger
    ) async throws -> AgentLink {
        do {
            return try await AgentLink.open(
                over: transport,
                on: stream.eventLoop,
                options: AgentLinkOptions(
                    helloTimeout: patience,
                    pulse: config.timeouts.silence / 2,
                    network: ContainerSpec.network(config.execution),
                    dialTimeout: config.timeouts.commandStart,
                    reason: { await trouble.reason() }
                ),
                logger: logger
            )
        } catch {
            await remover?.remove(id)
            guard let error = error as? CodedError else { throw error }
            throw CodedError(
                .dockerContainerStartFailed,
                detail: "the agent does not answer: \(transport.lastWords)",
                cause: error
            )
        }
    }

    func discard() async {
        await remover?.remove(id)
        await transport.close()
    }
}
