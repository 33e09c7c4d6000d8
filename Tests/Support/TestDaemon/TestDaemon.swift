import ArgumentParser
import ServiceLifecycle
import SharedConfig
import SharedDaemon
import SharedHTTP
import SharedMessages

/// A daemon with nothing but an HTTP listener, for tests of what all daemons share.
@main
struct TestDaemon: DaemonCommand {
    static let configuration = CommandConfiguration(commandName: "test-daemon")

    @OptionGroup var options: DaemonOptions

    @Option(help: "End the second service at once: normally, or with an error.")
    var end: End?

    enum End: String, ExpressibleByArgument {
        case normally
        case error
        case stuck
    }

    func services(_ context: DaemonContext) async throws -> [DaemonService] {
        let logger = context.logger("http")
        let http = try HTTPService(
            "listener",
            HTTPServerOptions(context.config.authd.server),
            router: HTTPService.makeRouter(health: context.health, logger: logger),
            logger: logger
        )
        let listener = DaemonService(http) { _ = try await http.boundAddress() }
        guard let end else { return [listener] }
        return [listener, DaemonService(EndingService(end: end), name: "ending")]
    }

    func healthTarget(_ config: BerthConfig) -> HTTPClientConfig? {
        .asking(config.authd.server, like: config.health.client)
    }
}

private struct EndingService: Service {
    let end: TestDaemon.End

    func run() async throws {
        switch end {
        case .normally: return
        case .error: throw CodedError(.unknownError, detail: "wanted by the test")
        case .stuck:
            try await gracefulShutdown()
            let (stream, _) = AsyncStream.makeStream(of: Void.self)
            for await _ in stream {}
        }
    }
}
