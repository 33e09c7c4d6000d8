package import GatewayCore
package import Logging
package import SharedConfig
import SharedDocker
import SharedHTTP
import SharedLogging
package import SharedMessages

/// A container of a Docker engine for every connection.
///
/// One process runs in the container from its start to its end and does nothing; every program of
/// the connection is an exec beside it.
package final class DockerBackend: Backend {
    package static let name = "docker"

    private let config: DockerConfig
    private let engine: EngineClient
    private let images: ImageKeeper
    private let reaper: ContainerReaper
    private let logger: Logger

    /// Names this process in the labels of its containers.
    private static let instance = String(UInt64.random(in: .min ... .max), radix: 16)

    /// Reads certificate files and so blocks for a moment; calls no engine.
    ///
    /// Throws `DOCKER_CONFIG_ERROR`.
    package init(config: DockerConfig, logger: Logger) throws(CodedError) {
        guard config.execution.mode == .connection else {
            throw CodedError(
                .dockerConfigError,
                detail: "docker.execution.mode \(config.execution.mode.rawValue) is not "
                    + "available in this version; connection is"
            )
        }
        self.config = config
        self.logger = logger
        engine = try Self.engine(config, logger)
        images = ImageKeeper(engine: engine, config: config, logger: logger)
        reaper = ContainerReaper(engine: engine, logger: logger)
    }

    private static func engine(
        _ config: DockerConfig,
        _ logger: Logger
    ) throws(CodedError) -> EngineClient {
        let connection = config.connection
        var tls = HTTPClientOptions.TLSOptions()
        do {
            if !connection.certificate.isEmpty {
                tls.trustedRoots = try connection.caCertificate.load()
                tls.certificate = try connection.certificate.load()
                tls.privateKey = try connection.key.load()
            }
        } catch {
            throw CodedError(.dockerConfigError, detail: "docker.connection", cause: error)
        }
        return try EngineClient(
            address: EngineAddress(
                connection.host,
                hasCertificate: !connection.certificate.isEmpty
            ),
            tls: tls,
            timeout: config.timeouts.http,
            logger: logger
        )
    }

    /// Removes what dead gateways have left on the engine, in the background; what it cannot do is
    /// logged. Openings do the same once a minute.
    package func startSweep() { reaper.sweepWhenDue() }

    func sweep() async { await reaper.sweep() }

    package func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        reaper.sweepWhenDue()
        return DockerWorkspace(
            container: try await openContainer(request, progress: progress),
            engine: engine,
            config: config,
            loop: request.eventLoop,
            logger: logger(for: request)
        )
    }

    func openContainer(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> RunningContainer {
        let timeouts = config.timeouts
        let lease = ContainerLease(
            instance: Self.instance,
            // Beyond this, whoever was opening or removing it has given up.
            time: timeouts.containerStart + timeouts.containerStop + .seconds(60)
        )
        let opening = ContainerOpening(
            engine: engine,
            images: images,
            spec: ContainerSpec(config.execution, request, lease),
            config: config,
            loop: request.eventLoop,
            progress: progress,
            logger: logger(for: request)
        )
        return try await opening.run()
    }

    private func logger(for request: WorkspaceRequest) -> Logger {
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(request.connectionID)"
        return logger
    }
}
