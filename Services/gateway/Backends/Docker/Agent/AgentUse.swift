import GuestAgent
import Logging
import NIOCore
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting

/// Makes workspaces out of containers that have an agent.
struct AgentUse: Sendable {
    let engine: EngineClient
    let config: DockerConfig
    /// For an agent's greeting.
    let patience: Duration
    /// The connection's, for each of its programs.
    let environment: [(name: String, value: RawText)]
    let told: ContainerTrouble.Told
    let logger: Logger

    private var execution: DockerExecutionConfig { config.execution }

    /// Greets the agent of a container that is this connection's, and starts the idle command that
    /// is configured. What throws has removed the container.
    func workspace(_ container: AgentContainer) async throws -> AgentWorkspace {
        let workspace = try await greeted(container)
        do {
            if !execution.idleCommand.isEmpty, execution.idleCommand.first != execution.agentPath {
                try await workspace.idle(execution.idleCommand)
            }
            return workspace
        } catch {
            await workspace.close()
            throw error
        }
    }

    private func greeted(_ container: AgentContainer) async throws -> AgentWorkspace {
        let trouble = ContainerTrouble(
            engine: engine,
            container: container.id,
            told: told,
            logger: logger
        )
        let isDefaultShell = execution.shellCommand == DockerExecutionConfig().shellCommand
        return AgentWorkspace(
            container: container,
            link: try await container.greet(config, within: patience, trouble, logger),
            commands: AgentCommands(
                environment: [(name: "PATH", value: RawText(container.path))] + environment,
                shellCommand: execution.shellCommand,
                spareShell: isDefaultShell ? [Scripts.shell] : [],
                subsystems: execution.subsystems
            ),
            config: config,
            logger: logger
        )
    }

    // MARK: - Containers that stay

    /// Others, also of other gateways, may be putting the agent there at this moment.
    private static let mostTries = 8

    /// Starts an agent in a running container that others may use, too; one that does not have it
    /// gets a copy.
    func workspace(
        in container: String,
        _ delivery: AgentDelivery,
        on loop: any EventLoop
    ) async throws -> AgentWorkspace {
        var pause = BackOff(from: .milliseconds(20), upTo: .seconds(1))
        var tries = 1
        while true {
            let copies = delivery.copies(in: container)
            do {
                return try await greeted(try await join(container, loop))
            } catch let error as CodedError where error.isMissingAgent && tries < Self.mostTries {
                if error.isBeingWritten {
                    try await Task.sleep(for: pause.take())
                } else {
                    // What was copied once and cannot be run is not going to be.
                    guard tries < 2 || delivery.copies(in: container) != copies else { throw error }
                    try await delivery.copy(intoRunning: container, after: copies)
                }
                tries += 1
            }
        }
    }

    private func join(
        _ container: String,
        _ loop: any EventLoop
    ) async throws -> AgentContainer {
        let environment = try await engine.environment(of: container)
        let exec = try await createExec(container)
        let stream = try await within(
            config.timeouts.commandStart,
            late: CodedError(.dockerExecAttachFailed, detail: "not started in time"),
            discard: { await $0.close() },
            { [engine] in try await engine.startExec(exec, hasTerminal: false, on: loop) }
        )
        return AgentContainer(
            id: container,
            transport: DockerTransport(stream, nil),
            stream: stream,
            remover: nil,
            environment: environment,
            isGone: { [config, logger, engine] in
                do {
                    let limit = config.timeouts.containerStop
                    try await within(limit, late: CodedError(.dockerExitCodeFailed)) {
                        try await Self.ended(exec, engine)
                    }
                } catch {
                    // It ends with its stream all the same.
                    logger.emit(.dockerExitCodeFailed, ["reason": "\(error)"])
                }
            }
        )
    }

    private func createExec(_ container: String) async throws -> String {
        do {
            return try await engine.createExec(
                container,
                ExecRequest(command: [AgentFiles.agent, "init"]),
                within: config.timeouts.commandStart
            )
        } catch let error as CodedError where error.engineStatus == 409 {
            // It does not run any more.
            let status = try await engine.container(container)?.exitCode ?? 0
            throw CodedError(
                .dockerContainerStartFailed,
                detail: "its first process ended with status \(status)",
                cause: error
            )
        }
    }

    private static func ended(_ exec: String, _ engine: EngineClient) async throws {
        var pause = BackOff(from: .milliseconds(2), upTo: .milliseconds(200))
        do {
            while try await engine.inspectExec(exec).isRunning {
                try await Task.sleep(for: pause.take())
            }
        } catch let error as CodedError where error.engineStatus == 404 {
            // The container is gone, and all that ran in it.
        }
    }
}

extension CodedError {
    /// Whether an agent said nothing, as one does that is not there.
    fileprivate var isMissingAgent: Bool {
        (cause as? CodedError)?.code == .agentHelloFailed
    }

    /// Whether it could not be run because somebody writes it (ETXTBSY, execve(2)).
    fileprivate var isBeingWritten: Bool { detail.lowercased().contains("text file busy") }
}
