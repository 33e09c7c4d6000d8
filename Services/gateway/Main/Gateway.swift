import ArgumentParser
import SharedConfig
import SharedDaemon

/// Terminates SSH, asks the other daemons, runs the backend, enforces policy, records.
@main
struct Gateway: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-gateway",
        abstract: "An SSH server that gives every connection a container of its own."
    )
    @OptionGroup var options: DaemonOptions

    func services(_ context: DaemonContext) async throws -> [DaemonService] {
        try await Assembly(context).services()
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        config.health.client
    }
}
