import Logging
import ServiceLifecycle
import SharedConfig
import SharedLogging
import SharedMessages
import UnixSignals

/// Reads the configuration again when the process is told to, and reopens the log.
///
/// A broken configuration changes nothing, and its problems are logged; the log is reopened all
/// the same, as whoever rotates the files needs that.
actor Reloader {
    typealias Load = @Sendable () async throws -> LoadedConfig

    private let load: Load
    private let log: LogWriter
    private let hooks: ReloadHooks
    private let notifier: ServiceNotifier
    private let logger: Logger

    init(
        log: LogWriter,
        hooks: ReloadHooks,
        notifier: ServiceNotifier = ServiceNotifier(path: nil),
        logger: Logger,
        load: @escaping Load
    ) {
        self.notifier = notifier
        self.log = log
        self.hooks = hooks
        self.logger = logger
        self.load = load
    }

    func reload() async {
        notifier.reloading()
        defer { notifier.ready() }
        do {
            let loaded = try await load()
            logger.emit(loaded.warnings)
            for hook in hooks.all { try await hook(loaded.config) }
            await reopenLog(LogSettings(loaded.config.log))
            logger.emit(.coreConfigReloaded)
        } catch {
            await reopenLog(log.settings)
            logger.emit(.coreConfigReloadFailed, ["problems": .problems(of: error)])
        }
    }

    private func reopenLog(_ settings: LogSettings) async {
        do {
            try await log.reload(settings)
        } catch {
            logger.emit(error)
        }
    }
}

/// Reloads at every signal until the daemon stops.
struct ReloadService: Service {
    let reloader: Reloader
    let signals: UnixSignalsSequence

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { await reloader.reload() }
    }
}

extension Logger {
    /// Logs what the configuration's author should know.
    func emit(_ warnings: [ConfigWarning]) {
        for warning in warnings { emit(warning.code, ["about": .string(warning.text)]) }
    }
}

extension Logger.MetadataValue {
    /// One text for each problem of a configuration.
    static func problems(of error: any Error) -> Self {
        guard let problems = error as? ConfigProblems else { return .array(["\(error)"]) }
        return .array(problems.list.map { .string($0.description) })
    }
}
