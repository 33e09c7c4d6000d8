package import SharedAudit
package import SharedConfig

/// How recordings are handed to auditd.
package struct ShipperOptions: Sendable {
    package var delivery: RecordingDelivery
    package var format: RecordingFormat
    /// Of the format `asciinema`.
    package var castVersion: CastEncoder.Version
    /// Bytes of one recording that may be unacknowledged. One entry that is larger is let through
    /// alone.
    package var window: Int
    /// Bytes that all recordings together may hold before each of them gets a smaller window.
    package var memory: Int
    /// How long entries are gathered before they are encoded together, while nobody waits.
    package var linger: Duration
    /// For the next acknowledgement, while one is owed.
    package var timeout: Duration
    /// Between two batches when there is nothing to send, so that auditd knows we live.
    package var heartbeat: Duration
    /// How long an auditd may fail before recordings go to another one, where there is one: longer
    /// than a restart takes.
    package var patience: Duration
    /// Identifies this process among gateways: 1...64 bytes, another one after a restart.
    package var gateway: String
    /// Most bytes of recordings in one batch.
    package var batchBytes: Int

    package init(
        gateway: String,
        delivery: RecordingDelivery = .strict,
        format: RecordingFormat = .binary,
        castVersion: CastEncoder.Version = .two,
        window: Int = 4 << 20,
        memory: Int = 256 << 20,
        linger: Duration = .milliseconds(4),
        timeout: Duration = .seconds(30),
        heartbeat: Duration = .seconds(20),
        patience: Duration = .seconds(3),
        batchBytes: Int = 8 << 20
    ) {
        self.gateway = gateway
        self.delivery = delivery
        self.format = format
        self.castVersion = castVersion
        self.window = window
        self.memory = memory
        self.linger = linger
        self.timeout = timeout
        self.heartbeat = heartbeat
        self.patience = min(patience, timeout / 4)
        self.batchBytes = batchBytes
    }

    /// The options of the section `audit`.
    package init(_ config: AuditConfig, gateway: String) {
        self.init(
            gateway: gateway,
            delivery: RecordingDelivery(config.delivery),
            format: config.format == .asciinema ? .asciinema : .binary,
            castVersion: config.castVersion == .two ? .two : .three,
            window: config.window,
            memory: config.memory,
            timeout: config.timeout
        )
    }
}

extension RecordingDelivery {
    package init(_ config: AuditConfig.Delivery) {
        self = config == .strict ? .strict : .besteffort
    }
}
