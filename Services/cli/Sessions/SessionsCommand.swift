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

    @Option(name: .customLong("cacert"), help: "For https: the authority of its certificate.")
    var authority = ""

    @Option(name: .customLong("cert"), help: "For https: the certificate to show.")
    var certificate = ""

    @Option(name: .customLong("key"), help: "For https: the key of --cert.")
    var key = ""

    /// Calls the gateway and tells a failure by its code; the exit status is then 1.
    func run(_ body: (SessionClient) async throws -> Void) async throws {
        var config = HTTPClientConfig(url: server)
        config.caCertificate = PEMSource(authority)
        config.certificate = PEMSource(certificate)
        config.key = PEMSource(key)
        do {
            let logger = Logger(label: "sessions") { _ in SwiftLogNoOpLogHandler() }
            try await body(try SessionClient(config, logger: logger))
        } catch let error as CodedError {
            tell(error)
            throw ExitCode.failure
        }
    }
}
