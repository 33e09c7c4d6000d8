package import Hummingbird
package import Logging
package import SharedConfig
package import SharedHTTP
package import SharedTracing
import Synchronization

/// What a daemon's services are made from.
package struct DaemonContext: Sendable {
    package typealias ReloadHook = @Sendable (BerthConfig) async throws -> Void

    /// The daemon's name, for example `berth-authd`.
    package let name: String
    /// The configuration it starts with; hand on sections, not the whole.
    package let config: BerthConfig
    /// The file it was read from; `nil` where there was none.
    package let configPath: String?
    /// What `/readyz` answers from. Already says "not ready" until every service is up and again
    /// once the daemon stops; services add their own checks.
    package let health: HealthRegistry
    /// Tells the service manager, for what the daemon's own start and stop do not say.
    package let notifier: ServiceNotifier
    /// Makes spans; `nil` where nothing is traced.
    package let tracer: Tracer?
    let reloadHooks: ReloadHooks
    let hurryHooks: HurryHooks

    init(
        name: String,
        config: BerthConfig,
        configPath: String?,
        notifier: ServiceNotifier = ServiceNotifier(path: nil),
        tracer: Tracer? = nil
    ) {
        self.name = name
        self.tracer = tracer
        self.notifier = notifier
        self.config = config
        self.configPath = configPath
        health = HealthRegistry()
        reloadHooks = ReloadHooks()
        hurryHooks = HurryHooks()
    }

    /// A logger whose records carry the label `module`.
    package func logger(_ module: String) -> Logger { Logger(label: module) }

    /// A router for one of the daemon's listeners.
    package func router(_ logger: Logger) -> Router<HTTPContext> {
        HTTPService.makeRouter(health: health, logger: logger, tracer: tracer)
    }

    /// Calls `hook` with every configuration that is read and found good on SIGHUP. Hooks run one
    /// after the other, in the order of their registration; one that throws has changed nothing,
    /// and those after it are not called.
    package func onReload(_ hook: @escaping ReloadHook) { reloadHooks.add(hook) }

    /// Calls `hook` when the daemon, already stopping, is told to stop once more.
    package func onHurry(_ hook: @escaping @Sendable () -> Void) { hurryHooks.add(hook) }
}

/// What has to be told that nobody wants to wait any more.
final class HurryHooks: Sendable {
    private let hooks = Mutex<[@Sendable () -> Void]>([])

    func add(_ hook: @escaping @Sendable () -> Void) { hooks.withLock { $0.append(hook) } }

    func hurry() { for hook in hooks.withLock({ $0 }) { hook() } }
}

/// What has to be told about a new configuration.
final class ReloadHooks: Sendable {
    private let hooks = Mutex<[DaemonContext.ReloadHook]>([])

    var all: [DaemonContext.ReloadHook] { hooks.withLock { $0 } }

    func add(_ hook: @escaping DaemonContext.ReloadHook) { hooks.withLock { $0.append(hook) } }
}
