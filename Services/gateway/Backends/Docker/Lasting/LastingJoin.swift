import GatewayCore
import Logging
import SharedDocker
import SharedLogging
import SharedMessages

/// How one connection comes into its container that stays.
struct LastingJoin: Sendable {
    /// A run that counts as used until `containers` are told otherwise, and the connection's way
    /// into it.
    struct Joined: Sendable {
        let run: LastingRun
        let workspace: any ContainerWorkspace
    }

    let engine: EngineClient
    let containers: LastingContainers
    let opening: LastingOpening
    let idle: Duration
    /// Into the running container with this id.
    let join: @Sendable (String) async throws -> any ContainerWorkspace

    /// Whoever stops what nobody uses, here or on another gateway, does not do so again at once.
    private static let mostTries = 3

    /// Opens the container and joins it. When it was stopped in between it is started again.
    func run() async throws -> Joined {
        var tries = 1
        while true {
            let run = try await containers.use(opening)
            do {
                return Joined(run: run, workspace: try await join(run.id))
            } catch {
                await containers.ended(run.id, idle: idle)
                try Task.checkCancellation()
                guard tries < Self.mostTries, await hasEnded(run) else { throw error }
                tellAgain(run, after: error)
                tries += 1
            }
        }
    }

    func tellAgain(_ run: LastingRun, after error: any Error) {
        opening.logger.emit(
            .dockerContainerStartedAgain,
            ["container": "\(run.id)", "reason": "\(error)"]
        )
    }

    /// Whether the container is stopped or gone, or runs for another time. Also `false` when the
    /// engine cannot be asked.
    func hasEnded(_ run: LastingRun) async -> Bool {
        do {
            let found = try await engine.container(run.id)
            return found?.status != .running || found?.startedAt != run.startedAt
        } catch {
            // Reported by whoever needs it next.
            return false
        }
    }
}
