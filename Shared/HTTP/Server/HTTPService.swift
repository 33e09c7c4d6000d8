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
    }

    /// A router whose routes answer failures with an `ErrorBody` and that has the health routes.
    package static func makeRouter(
        health: HealthRegistry,
        logger: Logger
    ) -> Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.add(middleware: ErrorBodyMiddleware(logger: logger))
        health.addRoutes(to: router)
        return router
    }

    /// Waits until the listener is open and says where, with the real port for port 0.
    ///
    /// Throws what made `run()` fail, or `CancellationError`.
    package func boundAddress() async throws -> ListenAddress { try await bound.wait() }

    package func run() async throws {
        var quiet = logger
        quiet.logLevel = .critical  // Hummingbird's own lines have no code
        let application = Application(
            responder: responder,
            server: builder,
            configuration: .init(address: bindAddress(options.listen), serverName: nil),
            onServerRunning: { self.opened($0) },
            logger: quiet
        )
        do {
            if case .unix(let path) = options.listen { try prepareSocket(path) }
            try await application.run()
            bound.fail(CancellationError())
        } catch {
            let detail = "\(description): \(options.listen)"
            let failure = CodedError(.httpListenFailed, detail: detail, cause: error)
            bound.fail(failure)
            throw failure
        }
        if case .unix(let path) = options.listen { removeSocket(path) }
    }

    private func opened(_ channel: any Channel) {
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
