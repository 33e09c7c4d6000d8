import Logging
import ServiceLifecycle
import SharedLogging
import SharedMessages

/// A service whose states are logged and counted.
struct ReportedService: Service {
    private let service: DaemonService
    private let progress: PoolProgress
    private let logger: Logger

    init(_ service: DaemonService, progress: PoolProgress, logger: Logger) {
        self.service = service
        self.progress = progress
        self.logger = logger
    }

    private var labels: Logger.Metadata { [LogLabel.service: .string(service.name)] }

    func run() async throws {
        logger.emit(.serviceStarting, labels)
        do {
            try await withGracefulShutdownHandler {
                try await runAndWatch()
            } onGracefulShutdown: {
                progress.stopping()
                logger.emit(.serviceStopping, labels)
            }
        } catch is CancellationError where Task.isCancelled {
            // The time to drain was over; what was left has been cut off.
        } catch {
            logger.emit(CodedError(.serviceCrashed, cause: error), labels)
            progress.serviceFailed(error)
            throw error
        }
        logger.emit(.serviceStopped, labels)
        progress.stopping()
    }

    private enum Step {
        case ready
        case ended
    }

    private func runAndWatch() async throws {
        try await withThrowingTaskGroup(of: Step.self) { group in
            group.addTask {
                try await service.service.run()
                return .ended
            }
            group.addTask {
                try await service.waitUntilReady()
                return .ready
            }
            while let step = try await group.next() {
                switch step {
                case .ready:
                    logger.emit(.serviceRunning, labels)
                    progress.serviceRunning()
                case .ended:
                    group.cancelAll()
                    return
                }
            }
        }
    }
}
