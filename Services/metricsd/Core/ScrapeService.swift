package import Logging
import ServiceLifecycle
package import SharedConfig
package import SharedHTTP
import SharedLogging
package import SharedMessages

/// The listener that scrapers read. It says `METRICS_AVAILABLE` with its URL once it is open.
///
/// Scrapers come from other machines and the metrics hold no secrets, so it listens without TLS on
/// any address, as ContainerSSH does; `cert`, `key` and `clientcacert` of the section change that.
package struct ScrapeService: Service {
    private let server: HTTPService
    private let scheme: String
    private let path: String
    private let logger: Logger

    /// Throws a `CodedError` as `HTTPService` does.
    package init(
        _ config: MetricsConfig,
        board: MetricsBoard,
        expected: [String] = [],
        health: HealthRegistry,
        logger: Logger
    ) throws(CodedError) {
        var options = try HTTPServerOptions(config.server)
        options.allowInsecure = true
        let router = MetricsdRouter.scrape(
            board,
            path: config.path,
            expected: expected,
            health: health,
            logger: logger
        )
        server = try HTTPService("metrics", options, router: router, logger: logger)
        scheme = options.tls == nil ? "http" : "https"
        path = config.path
        self.logger = logger
    }

    /// Waits until the listener is open and says where.
    package func boundAddress() async throws -> ListenAddress { try await server.boundAddress() }

    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask {
                let address = try await server.boundAddress()
                logger.emit(.metricsAvailable, ["url": "\(scheme)://\(address)\(path)"])
            }
            try await group.waitForAll()
        }
    }
}
