import ArgumentParser
import Logging
import SharedConfig
import SharedDaemon
import SharedMessages

/// `berth healthcheck`: asks one daemon over HTTP whether it is well.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Asks a daemon whether it is well.",
        discussion: "Ends with status 0 if the daemon answers 200, else with 1 and the reason."
    )

    @Option(help: "What to ask: http://, https:// or unix:///path/to/socket.")
    var url = "http://127.0.0.1:7000/readyz"

    @Option(help: "The longest wait, in seconds.")
    var timeout = 2.0

    func validate() throws {
        guard (0.1...3600).contains(timeout) else {
            throw ValidationError("--timeout must be between 0.1 and 3600.")
        }
    }

    func run() async throws {
        var target = HTTPClientConfig(url: url)
        target.timeout = .seconds(timeout)
        let quiet = Logger(label: "healthcheck") { _ in SwiftLogNoOpLogHandler() }
        do throws(CodedError) {
            try await HealthCheck.ask(target, logger: quiet)
        } catch {
            printError(error.description.printable)
            throw ExitCode.failure
        }
        print("\(url.printable): well")
    }
}
