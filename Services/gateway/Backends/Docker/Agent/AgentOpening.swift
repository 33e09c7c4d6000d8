import GatewayCore
import GuestAgent
import Logging
import SharedConfig
import SharedDocker
import SharedLogging
import SharedMessages
import SharedSSH

/// Opens containers whose first process is the agent.
struct AgentOpening: Sendable {
    let opening: ContainerOpening
    let delivery: AgentDelivery

    private var config: DockerConfig { opening.config }

    /// A container that waits for its greeting.
    func container() async throws -> AgentContainer {
        var way = try await delivery.way()
        while true {
            do {
                return try await container(way)
            } catch {
                guard delivery.canChange(way, after: error) else { throw error }
                way = .copy
            }
        }
    }

    private func container(_ way: AgentDelivery.Way) async throws -> AgentContainer {
        let socket = await delivery.socket(for: way, on: opening.loop)
        do {
            return try await container(way, socket)
        } catch {
            await socket?.close()
            throw error
        }
    }

    private func container(
        _ way: AgentDelivery.Way,
        _ socket: AgentSocket?
    ) async throws -> AgentContainer {
        var opening = opening
        opening.spec = opening.spec.withAgent(way, socket: socket?.path, config.execution)
        opening.deliver = { [delivery] id in
            if way == .copy { try await delivery.copy(into: id) }
        }
        let engine = opening.engine
        let (running, lifeline) = try await opening.runWithAgent()
        do {
            return AgentContainer(
                id: running,
                transport: DockerTransport(lifeline, socket),
                stream: lifeline,
                remover: opening.remover,
                environment: try await engine.environment(of: running)
            )
        } catch {
            await opening.remover.remove(running)
            await lifeline.close()
            throw error
        }
    }
}
