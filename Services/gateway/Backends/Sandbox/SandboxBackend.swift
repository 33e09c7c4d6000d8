package import GatewayCore
import Glibc
package import Logging
import NIOCore
package import NIOPosix
package import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
import Synchronization
import SharedSystem
import BackendMachine

/// A sandbox of this machine per connection: namespaces made by bubblewrap, no daemon, no image.
///
/// Call `check()` before the first connection. However the gateway ends, its sandboxes end with
/// it; control groups it could not remove are removed by the next gateway with the same state
/// directory.
package final class SandboxBackend: Backend {
    package static let name = "sandbox"

    let config: SandboxConfig
    private let logger: Logger
    private let workshop: SandboxWorkshop
    private let reactor: Reactor
    private let pool: NIOThreadPool
    private let lastSweep = Mutex<ContinuousClock.Instant?>(nil)

    /// Prepares what all sandboxes share; blocks for some milliseconds on files.
    ///
    /// Throws a `CodedError` that says what the machine lacks.
    package init(
        config: SandboxConfig,
        pool: NIOThreadPool = .singleton,
        logger: Logger
    ) throws {
        self.config = config
        self.logger = logger
        self.pool = pool
        workshop = try SandboxWorkshop(config: config)
        reactor = try Reactor(name: "berth-sandbox")
        for (controller, reason) in workshop.groups.missing {
            logger.emit(
                .sandboxLimitNotApplied,
                ["limit": "\(controller.rawValue)", "reason": "\(reason)"]
            )
        }
    }

    /// Makes a sandbox to see that this machine can, and removes what dead gateways have left.
    ///
    /// Throws a `CodedError` with `SANDBOX_UNAVAILABLE` and what bubblewrap or the kernel said.
    package func check() async throws {
        await sweep()
        let request = WorkspaceRequest(
            connectionID: "check-\(UInt64.random(in: .min ... .max))",
            username: "check",
            authenticatedUsername: "",
            remoteAddress: "",
            carried: ConnectionMetadata(),
            eventLoop: NIOSingletons.posixEventLoopGroup.any()
        )
        do {
            let workspace = try await open(request)
            await workspace.close()
        } catch let error as CodedError {
            throw CodedError(
                .sandboxUnavailable,
                detail: KernelAdvice.explain(error.detail),
                cause: error
            )
        }
    }

    package func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        sweepWhenDue()
        return try await open(request)
    }

    // MARK: - Opening

    private func open(_ request: WorkspaceRequest) async throws -> SandboxWorkspace {
        let account = Account(login: request.username)
        let workspace = try await workspace(for: request, account)
        do {
            try await workspace.isReady(within: config.timeouts.start)
        } catch {
            await workspace.close()
            throw error
        }
        logger.emit(.sandboxOpened, ["connectionId": "\(request.connectionID)"])
        return workspace
    }

    private func workspace(
        for request: WorkspaceRequest,
        _ account: Account
    ) async throws -> SandboxWorkspace {
        let id = request.connectionID
        do {
            let prepared = try await pool.runIfActive { [workshop] in
                try workshop.prepare(id, account)
            }
            let release: @Sendable () async -> Bool = { [pool, workshop] in
                await Self.release(prepared.group, id, workshop, pool)
            }
            do {
                let holder = try await reactor.perform { [reactor] in
                    try prepared.launch.start(on: reactor)
                }
                return SandboxWorkspace(
                    request: request,
                    config: config,
                    account: account,
                    holder: holder,
                    logger: logger,
                    release: release
                )
            } catch {
                _ = await release()
                throw error
            }
        } catch let error as SystemFailure {
            throw CodedError(.sandboxStartFailed, detail: error.description, cause: error)
        }
    }

    /// The last processes may still be leaving their groups when the sandbox is reaped.
    private static func release(
        _ group: SandboxGroup,
        _ id: String,
        _ workshop: SandboxWorkshop,
        _ pool: NIOThreadPool
    ) async -> Bool {
        for wait in [1, 5, 20, 100, 500] {
            // A pool that is shut down leaves the rest to the next gateway's sweep.
            let isGone = try? await pool.runIfActive { workshop.release(id, group) }
            guard isGone == false else { return isGone ?? false }
            try? await Task.sleep(for: .milliseconds(wait))  // Never cancelled: in close()'s task.
        }
        return false
    }

    // MARK: - Left-overs

    private func sweepWhenDue() {
        let now = ContinuousClock.now
        let isDue = lastSweep.withLock { last in
            if let last, now - last < config.leaseTimeout { return false }
            last = now
            return true
        }
        guard isDue else { return }
        // Nobody waits for it, and it ends by itself.
        pool.submit { [workshop, logger] state in
            if case .active = state { Self.sweep(workshop, logger) }
        }
    }

    private func sweep() async {
        lastSweep.withLock { $0 = .now }
        // A pool that is shut down sweeps no more.
        try? await pool.runIfActive { [workshop, logger] in Self.sweep(workshop, logger) }
    }

    private static func sweep(_ workshop: SandboxWorkshop, _ logger: Logger) {
        let count = workshop.sweep()
        if count > 0 { logger.emit(.sandboxLeftoversRemoved, ["count": "\(count)"]) }
    }
}
