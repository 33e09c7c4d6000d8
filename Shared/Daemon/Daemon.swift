import Dispatch
import Foundation
import Logging
import SharedConfig
import SharedHTTP
import SharedLogging
import SharedMessages
import SharedTraceExport
import UnixSignals

/// One run of a daemon's process, from the command line to the exit status.
struct Daemon: Sendable {
    let name: String
    let options: DaemonOptions
    let environment: [String: String]
    /// Texts for whoever typed the command; records go to the log.
    var printOutput: @Sendable (String) -> Void = { print($0) }
    var printError: @Sendable (String) -> Void = {
        FileHandle.standardError.write(Data(($0 + "\n").utf8))
    }

    func run(_ command: some DaemonCommand) async -> ExitStatus {
        ProcessSetup.prepare()
        let loaded: LoadedConfig
        do throws(ConfigProblems) {
            loaded = try await load()
        } catch {
            return refuse(error)
        }
        switch options.action {
        case .checkConfiguration: return reportGood(loaded)
        case .dumpConfiguration: return dump(loaded.config)
        case .checkHealth: return await checkHealth(command, loaded.config)
        case .serve: return await serve(command, loaded)
        }
    }

    // MARK: - Configuration

    /// Reads the configuration on a thread that may block.
    func load() async throws(ConfigProblems) -> LoadedConfig {
        var environment = environment
        environment[EmittedCodes.variable] = nil
        let (path, overrides) = (options.configPath, options.overrides)
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [environment] in
                let result = Result { () throws(ConfigProblems) in
                    try ConfigLoader.load(
                        path: path,
                        environment: environment,
                        overrides: overrides
                    )
                }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }

    /// Tells every problem: to a person on standard error, and when serving to the log as well.
    func refuse(_ problems: ConfigProblems) -> ExitStatus {
        let code = MessageCode.coreConfigError
        printError("\(code.id): \(name): \(code.explanation)")
        for problem in problems.list { printError("  \(problem)") }
        if options.action == .serve {
            logAtStart { $0.emit(code, ["problems": .problems(of: problems)]) }
        } else {
            EmittedCodes.current?.record(code)
        }
        return .badConfiguration
    }

    /// Logs to standard output with the defaults, before there is a log as configured.
    private func logAtStart(_ body: (Logger) -> Void) {
        guard let log = try? LogWriter(LogSettings()) else { return }  // cannot fail
        body(Logger(label: "core") { RecordHandler(module: $0, writer: log) })
        log.flush()
    }

    private func reportGood(_ loaded: LoadedConfig) -> ExitStatus {
        for warning in loaded.warnings { printError("\(warning.code.id): \(warning.text)") }
        printOutput("\(name): the configuration is good.")
        return .success
    }

    private func dump(_ config: BerthConfig) -> ExitStatus {
        do {
            printOutput(try config.dump(showSecrets: false))
            return .success
        } catch {
            printError("\(MessageCode.coreStartFailed.id): \(error)")
            return .failure
        }
    }

    // MARK: - Health

    private func checkHealth(
        _ command: some DaemonCommand,
        _ config: BerthConfig
    ) async -> ExitStatus {
        var settings = LogSettings(config.log)
        settings.destination = .standardOutput
        guard let log = try? LogWriter(settings) else { return .failure }  // cannot fail
        defer { log.flush() }
        let logger = Logger(label: "core") { RecordHandler(module: $0, writer: log) }
        do throws(CodedError) {
            if let target = command.healthTarget(config) {
                try await HealthCheck.ask(target, logger: logger)
            }
            logger.emit(.coreHealthCheckSuccessful)
            return .success
        } catch {
            logger.emit(error)
            return .failure
        }
    }

    // MARK: - Serving

    private func serve(_ command: some DaemonCommand, _ loaded: LoadedConfig) async -> ExitStatus {
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let log: LogWriter
        do throws(CodedError) {
            log = try LogWriter(LogSettings(loaded.config.log))
        } catch {
            printError("\(name): \(error)")
            logAtStart { $0.emit(error, level: .crit) }
            return .failure
        }
        LoggingSystem.bootstrap(
            { RecordHandler(module: $0, writer: log, provider: $1) },
            metadataProvider: loaded.config.tracing.isUsed ? .currentSpan : nil
        )
        defer { log.flush() }
        return await serve(command, loaded, log: log, hangups: hangups)
    }

    private func serve(
        _ command: some DaemonCommand,
        _ loaded: LoadedConfig,
        log: LogWriter,
        hangups: UnixSignalsSequence
    ) async -> ExitStatus {
        let core = Logger(label: "core")
        let tracing: Tracing?
        do {
            let logger = Logger(label: "tracing")
            tracing = try Tracing(loaded.config.tracing, service: name, logger: logger)
        } catch {
            core.emit(error, level: .crit)
            return .failure
        }
        let context = DaemonContext(
            name: name,
            config: loaded.config,
            configPath: options.configPath,
            notifier: ServiceNotifier(path: environment["NOTIFY_SOCKET"]),
            tracer: tracing?.tracer
        )
        core.emit(.coreConfigFile, ["file": .string(options.configPath ?? "none")])
        core.emit(loaded.warnings)
        do {
            let readiness = Readiness(context.health)
            let services = try await command.services(context)
            let reloader = Reloader(
                log: log,
                hooks: context.reloadHooks,
                notifier: context.notifier,
                logger: core
            ) { try await load() }
            let timeout = loaded.config.service.shutdownTimeout
            let pool = ServicePool(
                services: services,
                // The last to stop: what ends before has spans still.
                background: (tracing.map { [$0.exporter] } ?? []) + [
                    ReloadService(reloader: reloader, signals: hangups)
                ],
                stopSignals: [.sigterm, .sigint],
                shutdownTimeout: timeout,
                logger: context.logger("service"),
                onReady: {
                    readiness.reached()
                    context.notifier.ready()
                },
                onStopping: {
                    context.health.stop()
                    context.notifier.stopping()
                    leaveAfter(timeout + .seconds(5), log, core)
                }
            )
            let impatience = Task { await hurryAtSecondSignal(context, core) }
            defer { impatience.cancel() }
            try await pool.run()
            return .success
        } catch let problems as ConfigProblems {
            return refuse(problems)
        } catch {
            let coded = (error as? CodedError) ?? CodedError(.coreStartFailed, cause: error)
            core.emit(coded, level: .crit)
            return .failure
        }
    }
}

/// Whoever tells a stopping daemon to stop does not want to wait for it.
private func hurryAtSecondSignal(_ context: DaemonContext, _ logger: Logger) async {
    var isFirst = true
    for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
        if !isFirst {
            logger.emit(.serviceStopHurried)
            context.hurryHooks.hurry()
        }
        isFirst = false
    }
}

/// Ends the process when services do not even end on cancellation.
private func leaveAfter(_ limit: Duration, _ log: LogWriter, _ logger: Logger) {
    let seconds = Double(limit.components.seconds) + Double(limit.components.attoseconds) / 1e18
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds) {
        logger.emit(.serviceStopTimeout)
        log.flush()
        exit(ExitStatus.failure.rawValue)
    }
}
