import Glibc
package import Logging
import ServiceLifecycle
import SharedLogging
import SharedMessages
import UnixSignals

/// Has a successor take over at every SIGUSR2: it gets the listening sockets, so that no client is
/// refused, and this gateway only finishes what it has. A successor that fails changes nothing.
package final class RestartService: Service, CustomStringConvertible {
    package let description = "restart"
    private let gateway: GatewayService
    private let start: ProcessStart
    private let signals: UnixSignalsSequence
    private let unshared: [UnsharedListener]
    private let tell: Told
    private let logger: Logger

    /// How long a successor may take until it accepts connections.
    private static let startTime = Duration.seconds(60)

    /// A listener that two processes cannot have at a time.
    package struct UnsharedListener: Sendable {
        package var release: @Sendable () async -> Void
        package var resume: @Sendable () async -> Void

        package init(
            release: @escaping @Sendable () async -> Void,
            resume: @escaping @Sendable () async -> Void
        ) {
            self.release = release
            self.resume = resume
        }
    }

    /// What the service manager is told.
    package struct Told: Sendable {
        package var restarting: @Sendable () -> Void
        package var failed: @Sendable () -> Void
        package var succeeded: @Sendable (Int32) -> Void

        package init(
            restarting: @escaping @Sendable () -> Void,
            failed: @escaping @Sendable () -> Void,
            succeeded: @escaping @Sendable (Int32) -> Void
        ) {
            self.restarting = restarting
            self.failed = failed
            self.succeeded = succeeded
        }
    }

    /// Traps the signal from now on.
    package init(
        gateway: GatewayService,
        start: ProcessStart,
        unshared: [UnsharedListener],
        tell: Told,
        logger: Logger
    ) async {
        self.gateway = gateway
        self.start = start
        self.unshared = unshared
        self.tell = tell
        self.logger = logger
        signals = await UnixSignalsSequence(trapping: .sigusr2)
    }

    package func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() {
            if await restart() { break }
        }
        // A service that ends ends the others, and the connections have time.
        try? await gracefulShutdown()
    }

    private func restart() async -> Bool {
        guard getpid() != 1 else {
            // The end of process 1 is the end of its container, successor included.
            logger.emit(CodedError(.gatewayRestartFailed, detail: "this is process 1"))
            return false
        }
        logger.emit(.gatewayRestarting)
        tell.restarting()
        let successor: Successor
        do {
            successor = try Successor(start, await gateway.sockets())
        } catch {
            logger.emit(CodedError(.gatewayRestartFailed, cause: error))
            tell.failed()
            return false
        }
        guard await hasTakenOver(successor) else {
            let how = await successor.end()
            for listener in unshared { await listener.resume() }
            logger.emit(CodedError(.gatewayRestartFailed, detail: how))
            tell.failed()
            return false
        }
        tell.succeeded(successor.id)
        gateway.handOver()
        successor.release()
        logger.emit(.gatewayHandedOver, ["successor": "\(successor.id)"])
        return true
    }

    private func hasTakenOver(_ successor: Successor) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.follow(successor) }
            group.addTask {
                try? await Task.sleep(for: Self.startTime)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    private func follow(_ successor: Successor) async -> Bool {
        for await report in successor.reports {
            switch report {
            case .listening: for listener in unshared { await listener.release() }
            case .accepting: return true
            }
        }
        return false
    }
}
