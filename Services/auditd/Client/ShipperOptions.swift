package import SharedConfig

/// How recordings are handed to auditd.
package struct ShipperOptions: Sendable {
    package enum Delivery: Sendable, Hashable {
        case strict
        case besteffort
    }

    package var delivery: Delivery
    package var format: RecordingFormat
    /// Bytes of one recording that may be unacknowledged. One entry that is larger is let through
    /// alone.
    package var window: Int
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
        delivery: Delivery = .strict,
        format: RecordingFormat = .binary,
        window: Int = 4 << 20,
        timeout: Duration = .seconds(30),
        heartbeat: Duration = .seconds(20),
        patience: Duration = .seconds(3),
        batchBytes: Int = 8 << 20
    ) {
        self.gateway = gateway
        self.delivery = delivery
        self.format = format
        self.window = window
        self.timeout = timeout
        self.heartbeat = heartbeat
        self.patience = min(patience, timeout / 4)
        self.batchBytes = batchBytes
    }

    /// The options of the section `audit`.
    package init(_ config: AuditConfig, gateway: String) {
        self.init(
            gateway: gateway,
            delivery: config.delivery == .strict ? .strict : .besteffort,
            format: config.format == .asciinema ? .asciinema : .binary,
            window: config.window,
            timeout: config.timeout
        )
    }
}
