package import ArgumentParser
import Foundation
package import SharedConfig

/// The entry of a daemon's process: its name, how its services are made, and nothing else.
///
///     @main
///     struct Authd: DaemonCommand {
///         static let configuration = CommandConfiguration(
///             commandName: "berth-authd",
///             abstract: "Answers who somebody is."
///         )
///         @OptionGroup var options: DaemonOptions
///
///         func services(_ context: DaemonContext) async throws -> [DaemonService] {
///             let http = try HTTPService(…)
///             return [DaemonService(http) { _ = try await http.boundAddress() }]
///         }
///
///         func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
///             .asking(config.authd.server, like: config.health.client)
///         }
///     }
package protocol DaemonCommand: AsyncParsableCommand {
    /// `@OptionGroup var options: DaemonOptions`
    var options: DaemonOptions { get }

    /// Prepares the process, before the environment is read and anything is opened or written; does
    /// nothing unless a command has its own.
    func prepareProcess()

    /// Makes the services, those first on which others depend; they stop in reverse order. A
    /// thrown error ends the process with status 1, `ConfigProblems` with 78.
    func services(_ context: DaemonContext) async throws -> [DaemonService]

    /// What `--healthcheck` asks with one GET; `nil` means that all is well without asking.
    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig?
}

extension DaemonCommand {
    package func prepareProcess() {}

    package mutating func run() async throws {
        prepareProcess()
        let daemon = Daemon(
            name: Self.configuration.commandName ?? "berth",
            options: options,
            environment: ProcessInfo.processInfo.environment
        )
        throw await daemon.run(self).exitCode
    }
}
