import Logging
import MetricsClient
import NIOCore
import SharedConfig
import SharedLogging
import SharedMessages
import SharedSSH
import Synchronization

/// The clocks of one connection: silence, silence of a channel, age.
///
/// Before a connection ends because of its age, everyone who has a session on it is told, and
/// whoever starts one after that at once.
final class ConnectionTimes: Sendable {
    private let config: SessionTimesConfig
    private let loop: any EventLoop
    private let control: any ServerConnectionControl
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let idle: IdleTimer?
    private let age: Mutex<[Scheduled<Void>]>
    /// When the connection ends because of its age.
    private let end: NIODeadline
    private let audience = Mutex(Audience())

    /// Somebody who would see a warning.
    private struct Listener: Sendable {
        let channel: any SessionChannel
        var hasTerminal = false
        var isRunning = false
    }

    private struct Audience {
        var listeners: [UInt64: Listener] = [:]
        var isWarned = false
    }

    init(
        _ config: SessionTimesConfig,
        on loop: any EventLoop,
        control: any ServerConnectionControl,
        metrics: GatewayMetrics,
        logger: Logger
    ) {
        self.config = config
        self.loop = loop
        self.control = control
        self.metrics = metrics
        self.logger = logger
        idle =
            config.idleTimeout == .zero
            ? nil
            : IdleTimer(after: config.idleTimeout, on: loop) {
                Self.end(.limitsIdleTimeout, config.idleTimeout, control, metrics, logger)
            }
        age = Mutex([])
        end = .now() + TimeAmount(config.maxSessionAge)
        if config.maxSessionAge > .zero { startAge() }
    }

    func cancel() {
        idle?.cancel()
        age.withLock { timers in
            for timer in timers { timer.cancel() }
            timers = []
        }
        audience.withLock { $0.listeners = [:] }
    }

    /// What the bytes of a channel are to be reported to; `nil` if nothing depends on them.
    func watch(_ channel: any ByteChannel) -> ChannelWatch? {
        let own = channelTimer(channel)
        guard idle != nil || own != nil else { return nil }
        idle?.touch()
        return ChannelWatch(connection: idle, own: own)
    }

    /// A request on a session was granted.
    func heard(_ request: SessionRequest, on channel: any SessionChannel) {
        guard config.maxSessionAge > .zero else { return }
        let late = audience.withLock { audience in
            var listener = audience.listeners[channel.id] ?? Listener(channel: channel)
            switch request {
            case .pty: listener.hasTerminal = true
            case .shell, .exec, .subsystem: listener.isRunning = true
            default: return nil as Listener?
            }
            audience.listeners[channel.id] = listener
            return audience.isWarned && listener.isRunning ? listener : nil
        }
        if let late { warn(late) }
    }

    func forget(_ channel: any SessionChannel) {
        _ = audience.withLock { $0.listeners.removeValue(forKey: channel.id) }
    }

    // MARK: - Idle channels

    private func channelTimer(_ channel: any ByteChannel) -> IdleTimer? {
        guard config.channelIdleTimeout > .zero else { return nil }
        let time = config.channelIdleTimeout
        return IdleTimer(after: time, on: loop) { [self] in
            metrics.limitReached(.limitsChannelIdleTimeout)
            logger.emit(
                .limitsChannelIdleTimeout,
                ["channelId": "\(channel.id)", "timeout": "\(time.goText)"]
            )
            let listener = audience.withLock { $0.listeners[channel.id] }
            // Leaves a callback of the event loop; ends with the channel.
            Task {
                if let session = channel as? any SessionChannel {
                    let hasTerminal = listener?.hasTerminal ?? false
                    await Self.say(
                        personText(.limitsChannelIdleTimeout, nil),
                        on: session,
                        hasTerminal
                    )
                }
                await channel.close()
            }
        }
    }

    // MARK: - Age

    private func startAge() {
        let (end, warning) = (config.maxSessionAge, config.maxSessionAgeWarning)
        var timers: [Scheduled<Void>] = []
        if warning > .zero, warning < end {
            timers.append(
                loop.scheduleTask(in: TimeAmount(end - warning)) { [weak self] in self?.warn() }
            )
        }
        timers.append(
            loop.scheduleTask(in: TimeAmount(end)) { [control, metrics, logger] in
                Self.end(.limitsSessionExpired, end, control, metrics, logger)
            }
        )
        age.withLock { $0 = timers }
    }

    private func warn() {
        logger.emit(.limitsSessionExpires, ["remaining": "\(remainingSeconds)"])
        let listeners = audience.withLock { audience in
            audience.isWarned = true
            return Array(audience.listeners.values)
        }
        for listener in listeners where listener.isRunning { warn(listener) }
    }

    /// Does not wait for the window; a client that reads nothing is not told.
    private func warn(_ listener: Listener) {
        let seconds = remainingSeconds
        let time = seconds == 1 ? "1 second" : "\(seconds) seconds"
        let text = "This connection will be ended in \(time) because of its age."
        Task {
            await Self.say(
                personText(.limitsSessionExpires, text),
                on: listener.channel,
                listener.hasTerminal
            )
        }
    }

    /// At least 1.
    private var remainingSeconds: Int64 {
        let left = (end - .now()).nanoseconds
        return max((left + 500_000_000) / 1_000_000_000, 1)
    }

    private static func say(
        _ text: String,
        on channel: any SessionChannel,
        _ hasTerminal: Bool
    ) async {
        let line = hasTerminal ? "\r\n\(text)\r\n" : "\(text)\n"
        // The channel may have gone meanwhile: then there is nobody left to tell.
        try? await channel.write(ByteBuffer(string: line), to: .stderr)
    }

    private static func end(
        _ code: MessageCode,
        _ time: Duration,
        _ control: any ServerConnectionControl,
        _ metrics: GatewayMetrics,
        _ logger: Logger
    ) {
        metrics.limitReached(code)
        logger.emit(code, ["timeout": "\(time.goText)"])
        control.disconnect(ServerRefusal(reason: .byApplication, text: personText(code, nil)))
    }
}
