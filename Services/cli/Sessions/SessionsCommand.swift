import ArgumentParser
import GatewayClient
import Logging
import SharedConfig
import SharedMessages

/// `berth sessions`: looks at and ends the connections of a running gateway.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "Lists and ends the connections of a running gateway.",
        subcommands: [SessionsListCommand.self, SessionsKillCommand.self]
    )

    @Option(help: "Where the gateway is administered: the URL of gateway.admin.listen.")
    var server = "unix:///run/berth/gateway-admin.sock"

    @OptionGroup var tls: TLSOptions

    /// Calls the gateway and tells a failure by its code; the exit status is then 1.
    func run(_ body: (SessionClient) async throws -> Void) async throws {
        do {
            let logger = Logger(label: "sessions") { _ in SwiftLogNoOpLogHandler() }
            try await body(try SessionClient(tls.client(server), logger: logger))
        } catch let error as CodedError {
            tell(error)
            throw ExitCode.failure
        }
    }
}
