import ArgumentParser
import GatewayCore
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

    private static let inherited = InheritedSockets.take()

    func prepareProcess() { _ = Self.inherited }

    func services(_ context: DaemonContext) async throws -> [DaemonService] {
        try await Assembly(context, inherited: Self.inherited).services()
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        config.health.client
    }
}
