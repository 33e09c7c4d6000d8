import Logging
import ServiceLifecycle
import SharedLogging
import SharedMessages
import UnixSignals

/// Runs the services of a daemon until one ends or the process is told to stop, and logs the
/// `SERVICE_…` codes.
///
/// Whoever ends first, normally or not, ends the others: last service first, each within what is
/// left of the shutdown timeout, after which all are cancelled.
struct ServicePool {
    let services: [DaemonService]
    /// Runs beside the services and is not reported.
    var background: [any Service] = []
    var stopSignals: [UnixSignal] = []
    let shutdownTimeout: Duration
    let logger: Logger
    var onReady: @Sendable () -> Void = {}
    /// Called once, when stopping begins.
    var onStopping: @Sendable () -> Void = {}

    /// Returns when every service has ended; throws the error of the first that failed.
    func run() async throws {
        logger.emit(.servicePoolStarting)
        let progress = PoolProgress(
            count: services.count,
            logger: logger,
            onReady: onReady,
            onStopping: onStopping
        )
        let failure = await run(makeGroup(progress))
        progress.stopping()
        logger.emit(.servicePoolStopped)
        if let error = progress.failure ?? failure { throw error }
    }

    /// The error with which the group ended. A cancelled task is no failure: the services were
    /// told to stop.
    private func run(_ group: ServiceGroup) async -> (any Error)? {
        do {
            try await group.run()
            return nil
        } catch is CancellationError {
            return nil
        } catch {
            return error
        }
    }

    private func makeGroup(_ progress: PoolProgress) -> ServiceGroup {
        var quiet = logger
        quiet.logLevel = .critical  // the group's own lines have no codes
        let reported = services.map { ReportedService($0, progress: progress, logger: logger) }
        var configuration = ServiceGroupConfiguration(
            services: (background + reported).map {
                .init(
                    service: $0,
                    successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup
                )
            },
            gracefulShutdownSignals: stopSignals,
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration = shutdownTimeout
        return ServiceGroup(configuration: configuration)
    }
}
