package import AuditClient
import Foundation
package import Logging
package import MetricsClient
package import NIOCore
package import SharedConfig
import SharedLogging
import SharedMessages
package import SharedSSH
package import SharedTracing

/// Builds the layers of each new connection, from the inside out.
package struct ConnectionFactory: Sendable {
    package var authenticators: Authenticators
    package var configuration: any UserConfigurationSource
    package var backends: any BackendProvider
    /// `nil` where nothing is recorded.
    package var recorder: (any Recorder)?
    package var audit: AuditConfig
    package var limiter: ConnectionLimiter
    package var uses: any UseCounter
    package var metrics: GatewayMetrics
    package var countries: Countries
    /// Whether commands are in the records about programs.
    package var showsCommands: Bool
    /// Knows the connections that are open.
    package var sessions: SessionRegistry
    /// `nil` where nobody is told of events.
    package var events: SessionEventQueue?
    /// `nil` where nothing is traced.
    package var tracer: Tracer?
    package var logger: Logger

    package init(
        authenticators: Authenticators,
        configuration: any UserConfigurationSource,
        backends: any BackendProvider,
        recorder: (any Recorder)?,
        audit: AuditConfig,
        limiter: ConnectionLimiter,
        uses: any UseCounter,
        metrics: GatewayMetrics,
        countries: Countries,
        showsCommands: Bool,
        sessions: SessionRegistry,
        events: SessionEventQueue? = nil,
        tracer: Tracer? = nil,
        logger: Logger
    ) {
        self.authenticators = authenticators
        self.configuration = configuration
        self.backends = backends
        self.recorder = recorder
        self.audit = audit
        self.limiter = limiter
        self.uses = uses
        self.metrics = metrics
        self.countries = countries
        self.showsCommands = showsCommands
        self.sessions = sessions
        self.events = events
        self.tracer = tracer
        self.logger = logger
    }

    /// The outermost layer of one connection; called on its event loop.
    package func handler(
        for client: RemoteClient,
        control: any ServerConnectionControl,
        on eventLoop: any EventLoop
    ) -> any ServerConnectionHandler {
        let acceptedAt = ContinuousClock.now
        let remoteAddress = RemoteAddress(host: client.host, port: client.port)
        let connectionID = Self.newConnectionID()
        let trace = tracer.map {
            LoginTrace($0, client: client, connectionID: connectionID, at: acceptedAt)
        }
        let state = ConnectionState(
            connectionID: connectionID,
            remoteAddress: remoteAddress,
            listener: "\(client.listener)",
            country: trace.run { countries.slot(for: remoteAddress.host, on: eventLoop) },
            eventLoop: eventLoop,
            acceptedAt: acceptedAt,
            trace: trace
        )
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(state.connectionID)"
        logger[metadataKey: "remoteAddr"] = "\(state.remoteAddress.host)"
        if let context = trace?.root.context, context.isSampled {
            logger[metadataKey: LogLabel.traceID] = .stringConvertible(context.traceID)
        }
        return layers(client, state, control, logger, acceptedAt)
    }

    private func layers(
        _ client: RemoteClient,
        _ state: ConnectionState,
        _ control: any ServerConnectionControl,
        _ logger: Logger,
        _ acceptedAt: ContinuousClock.Instant
    ) -> any ServerConnectionHandler {
        var backendLogger = logger
        backendLogger[metadataKey: "module"] = "backend"
        let slot = RecordingSlot()
        let times = TimesSlot()
        let forwards = ForwardLimit()
        let events = events.map { ConnectionEvents($0, state) }
        let recordedControl: any ServerConnectionControl =
            recorder == nil ? control : AuditControl(control, slot: slot, logger: logger)
        let watchedControl = WatchedControl(recordedControl, slot: times)
        let backend = BackendLayer(
            state: state,
            backends: backends,
            control: LimitedControl(next: watchedControl, limit: forwards) {
                logger.emit(.securityMaxForwards)
            },
            metrics: metrics,
            showsCommands: showsCommands,
            logger: backendLogger,
            onWorkspace: {
                slot.current?.handle.identify(container: $0)
                events?.ready($0)
            }
        )
        let limited = UserLimitsLayer(
            state: state,
            limiter: limiter,
            uses: uses,
            control: control,
            slot: times,
            metrics: metrics,
            logger: logger,
            next: backend
        )
        let policy = PolicyLayer(
            state: state,
            source: configuration,
            forwards: forwards,
            logger: backendLogger,
            next: limited
        )
        let auth = AuthLayer(
            state: state,
            authenticators: authenticators,
            metrics: metrics,
            logger: logger,
            next: policy
        )
        let watched = LimitsLayer(
            client: client,
            limiter: limiter,
            metrics: metrics,
            logger: logger,
            next: auth
        )
        let recorded = audited(watched, state, control, slot, logger)
        let logged = LogLayer(
            state: state,
            registry: sessions,
            control: control,
            events: events,
            logger: logger,
            next: recorded
        )
        return MetricsLayer(
            metrics: metrics,
            disconnects: DisconnectReport(metrics: metrics, logger: logger),
            country: state.country,
            acceptedAt: acceptedAt,
            trace: state.trace,
            next: logged
        )
    }

    private func audited(
        _ next: any ServerConnectionHandler,
        _ state: ConnectionState,
        _ control: any ServerConnectionControl,
        _ slot: RecordingSlot,
        _ logger: Logger
    ) -> any ServerConnectionHandler {
        guard let recorder else { return next }
        return AuditLayer(
            state: state,
            recordings: recorder,
            options: audit,
            control: control,
            logger: logger,
            acceptedAt: Int64(Date().timeIntervalSince1970 * 1e9),
            slot: slot,
            next: next
        )
    }

    /// A random (version 4) UUID as 32 lower-case hexadecimal digits.
    private static func newConnectionID() -> String {
        UUID().uuidString.replacing("-", with: "").lowercased()
    }
}

extension LoginTrace? {
    /// Runs `body` below the login's span, where there is one.
    fileprivate func run<Result>(_ body: () -> Result) -> Result {
        self?.root.run(body) ?? body()
    }
}
