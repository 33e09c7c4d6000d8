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
/// Before a connection ends because of its age, everyone who has a session on it is told.
final class ConnectionTimes: Sendable {
    private let config: SessionTimesConfig
    private let loop: any EventLoop
    private let control: any ServerConnectionControl
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let idle: IdleTimer?
    private let age: Mutex<[Scheduled<Void>]>
    private let listeners = Mutex<[UInt64: Listener]>([:])

    /// Somebody who would see a warning.
    private struct Listener: Sendable {
        let channel: any SessionChannel
        var hasTerminal = false
        var isRunning = false
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
        if config.maxSessionAge > .zero { startAge() }
    }

    func cancel() {
        idle?.cancel()
        age.withLock { timers in
            for timer in timers { timer.cancel() }
            timers = []
        }
        listeners.withLock { $0 = [:] }
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
        listeners.withLock { listeners in
            var listener = listeners[channel.id] ?? Listener(channel: channel)
            switch request {
            case .pty: listener.hasTerminal = true
            case .shell, .exec, .subsystem: listener.isRunning = true
            default: return
            }
            listeners[channel.id] = listener
        }
    }

    func forget(_ channel: any SessionChannel) {
        _ = listeners.withLock { $0.removeValue(forKey: channel.id) }
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
            let listener = listeners.withLock { $0[channel.id] }
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
        let seconds = config.maxSessionAgeWarning.wholeSeconds
        let text = "This connection will be ended in \(seconds) seconds because of its age."
        logger.emit(.limitsSessionExpires, ["remaining": "\(seconds)"])
        for listener in listeners.withLock({ Array($0.values) }) where listener.isRunning {
            // Each waits for its own window; a client that reads nothing is not told.
            Task {
                await Self.say(
                    personText(.limitsSessionExpires, text),
                    on: listener.channel,
                    listener.hasTerminal
                )
            }
        }
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
