import Foundation
package import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
package import SharedConfig
import SharedLogging
package import SharedMessages
package import SharedTracing
import Synchronization

/// An HTTP/1.1 server over TCP, TLS or a Unix socket, for one daemon's routes.
///
/// Serves from `run()` until the graceful shutdown of its task or its cancellation; requests under
/// way are finished in the first case. Every router made with `makeRouter` answers `/healthz` and
/// `/readyz`, and every refusal has an `ErrorBody`.
package final class HTTPService: Service, CustomStringConvertible {
    package let description: String
    private let options: HTTPServerOptions
    private let builder: HTTPServerBuilder
    private let responder: RouterResponder<HTTPContext>
    private let bound = BoundSignal()
    private let logger: Logger
    private let listener = Mutex(Listener())
    private let resumptions: AsyncStream<Void>
    private let resumed: AsyncStream<Void>.Continuation

    /// Listeners are counted, as requests of a released one may still be under way when the next
    /// one is open.
    private struct Listener {
        var channel: (any Channel)?
        var number = 0
        var lastReleased = 0
    }

    /// Prepares the server; nothing is opened before `run()`.
    ///
    /// Throws a `CodedError`: `HTTP_SERVER_INSECURE_LISTEN` for an address that other machines
    /// reach, without TLS and without `allowInsecure`; `HTTP_SERVER_TLS_FAILED`.
    package init(
        _ name: String,
        _ options: HTTPServerOptions,
        router: Router<HTTPContext>,
        logger: Logger
    ) throws(CodedError) {
        guard options.listen.isLocal || options.tls != nil || options.allowInsecure else {
            throw CodedError(.httpServerInsecureListen, detail: "\(name): \(options.listen)")
        }
        description = name
        self.options = options
        self.logger = logger
        responder = router.buildResponder()
        builder = try makeBuilder(options)
        (resumptions, resumed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// A router whose routes answer failures with an `ErrorBody` and that has the health routes.
    /// With a tracer it goes on with the traces of its callers.
    package static func makeRouter(
        health: HealthRegistry,
        logger: Logger,
        tracer: Tracer? = nil
    ) -> Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        if let tracer { router.add(middleware: TracingMiddleware(tracer: tracer)) }
        router.add(middleware: ErrorBodyMiddleware(logger: logger))
        health.addRoutes(to: router)
        return router
    }

    /// Waits until the listener is open and says where, with the real port for port 0.
    ///
    /// Throws what made `run()` fail, or `CancellationError`.
    package func boundAddress() async throws -> ListenAddress { try await bound.wait() }

    package func run() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await self.serve() }
            group.addTask {
                for await _ in self.resumptions.cancelOnGracefulShutdown() {
                    try await self.serve()
                }
            }
            for try await _ in group {}
        }
    }

    /// Closes the listener, so that another process can have its address; requests under way are
    /// finished, and `run` goes on.
    package func release() async {
        let channel = listener.withLock { listener in
            listener.lastReleased = listener.number
            return listener.channel
        }
        // A listener that is closed already is what we want.
        try? await channel?.close()
    }

    /// Opens the listener again after `release`.
    package func resume() {
        guard listener.withLock({ $0.lastReleased == $0.number }) else { return }
        resumed.yield()
    }

    private func serve() async throws {
        let number = listener.withLock { listener in
            listener.number += 1
            return listener.number
        }
        do {
            if case .unix(let path) = options.listen { try prepareSocket(path) }
            try await listenPatiently()
        } catch  where !isReleased(number) {
            let detail = "\(description): \(options.listen)"
            let failure = CodedError(.httpListenFailed, detail: detail, cause: error)
            bound.fail(failure)
            throw failure
        } catch {
            // To Hummingbird the end of a released listener is a failure.
            return
        }
        bound.fail(CancellationError())
        guard case .unix(let path) = options.listen, !isReleased(number) else { return }
        removeSocket(path)
    }

    private func isReleased(_ number: Int) -> Bool {
        listener.withLock { number <= $0.lastReleased }
    }

    private func listenPatiently() async throws {
        let end = ContinuousClock.now + options.bindPatience
        while true {
            do {
                return try await application.run()
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                guard ContinuousClock.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private var application: some ApplicationProtocol {
        var quiet = logger
        quiet.logLevel = .critical  // Hummingbird's own lines have no code
        return Application(
            responder: responder,
            server: builder,
            configuration: .init(address: bindAddress(options.listen), serverName: nil),
            onServerRunning: { self.opened($0) },
            logger: quiet
        )
    }

    private func opened(_ channel: any Channel) {
        listener.withLock { $0.channel = channel }
        var address = options.listen
        if case .tcp(let host, _) = address, let port = channel.localAddress?.port {
            address = .tcp(host: host, port: port)
        }
        if case .unix(let path) = options.listen { setMode(path) }
        logger.emit(.httpServerAvailable, ["service": "\(description)", "listen": "\(address)"])
        bound.open(address)
    }

    private func setMode(_ path: String) {
        guard unsafe chmod(path, options.socketMode) != 0 else { return }
        logger.emit(CodedError(.httpListenFailed, detail: "\(path): mode not set, errno \(errno)"))
    }
}

private func makeBuilder(_ options: HTTPServerOptions) throws(CodedError) -> HTTPServerBuilder {
    let idle = TimeAmount(options.idleTimeout)
    let plain = HTTPServerBuilder.http1(configuration: .init(idleTimeout: idle))
    guard let tls = options.tls else { return plain }
    let configuration = try tls.configuration()
    do {
        // Hummingbird makes its context when it starts; a bad key has to show before that.
        _ = try NIOSSLContext(configuration: configuration)
        return try .tls(plain, tlsConfiguration: configuration)
    } catch {
        throw CodedError(.httpServerTLSFailed, cause: error)
    }
}

private func bindAddress(_ listen: ListenAddress) -> BindAddress {
    switch listen {
    case .tcp(let host, let port): .hostname(host, port: port)
    case .unix(let path): .unixDomainSocket(path: path)
    }
}

/// Sockets usually lie in a directory that a restart of the machine empties.
private func prepareSocket(_ path: String) throws {
    try FileManager.default.createDirectory(
        at: URL(filePath: path).deletingLastPathComponent(),
        withIntermediateDirectories: true
    )
}

/// A file that is gone already is what we want.
private func removeSocket(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
}
