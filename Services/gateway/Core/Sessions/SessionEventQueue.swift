package import AuthClient
import Foundation
package import Logging
import ServiceLifecycle
package import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels
import SharedTracing
import Synchronization

/// Tells the session webhook what happens to connections, in order and at least once.
///
/// Connections never wait for it: events wait in a queue with a bound; one that comes when it is
/// full is dropped and said so in the log. What the webhook does not take is sent again until it
/// is too old. At the end each event that is left is tried once more.
package final class SessionEventQueue: Service {
    private struct State {
        var sequence = 0
        var dropped = 0
        var isStopping = false
        var pause: Task<Void, Never>?
    }

    private let client: SessionEventClient
    private let config: SessionEventsConfig
    private let gateway = UUID().uuidString.lowercased()
    private let logger: Logger
    private let state = Mutex(State())
    private let events: AsyncStream<Item>
    private let queue: AsyncStream<Item>.Continuation

    private struct Item: Sendable {
        let event: SessionEvent
        let since: ContinuousClock.Instant
        /// Of the connection's login; `nil` where nothing is traced.
        let span: Span?
    }

    package init(_ config: SessionEventsConfig, client: SessionEventClient, logger: Logger) {
        self.config = config
        self.client = client
        self.logger = logger
        (events, queue) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(config.queue)
        )
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            for await item in events {
                guard let span = item.span else {
                    await deliver(item.event, item.since)
                    continue
                }
                await span.run { await deliver(item.event, item.since) }
            }
        } onGracefulShutdown: {
            self.queue.finish()
            self.state.withLock { state in
                state.isStopping = true
                state.pause?.cancel()
            }
        }
    }

    /// Queues what has happened; never waits.
    func send(
        _ kind: SessionEvent.Kind,
        _ connection: ConnectionState,
        _ fill: (inout SessionEvent) -> Void = { _ in }
    ) {
        let facts = connection.facts
        let span = connection.trace?.root
        // In the lock, so that the numbers are in the order of the queue.
        let dropped = state.withLock { state in
            state.sequence += 1
            var event = SessionEvent(
                kind,
                eventId: UUID().uuidString.lowercased(),
                gateway: gateway,
                sequence: state.sequence,
                time: Date.now.formatted(.iso8601Milliseconds),
                head: connection.requestHead(username: facts.username),
                authenticatedUsername: facts.authenticatedUsername
            )
            fill(&event)
            guard case .dropped = queue.yield(Item(event: event, since: .now, span: span)) else {
                return 0
            }
            state.dropped += 1
            return state.dropped
        }
        // The first, and then one line for a thousand.
        guard dropped % 1000 == 1 else { return }
        logger.emit(.sessionEventDropped, ["reason": "the queue is full", "dropped": "\(dropped)"])
    }

    private func deliver(_ event: SessionEvent, _ since: ContinuousClock.Instant) async {
        var pause = config.retryInterval
        while !Task.isCancelled {
            do {
                return try await client.send(event)
            } catch let error as CodedError {
                let isLate = .now + pause > since + config.maximumAge
                let isStopping = state.withLock { $0.isStopping }
                guard error.isRetryable, !isLate, !isStopping else {
                    return dropped(event, error)
                }
                logger.emit(.sessionEventDelayed, labels(event, error))
                await wait(pause)
                pause = min(pause * 2, .seconds(60))
            } catch {
                return  // cancelled: the process ends now
            }
        }
    }

    /// Waits, but not beyond the beginning of the shutdown.
    private func wait(_ duration: Duration) async {
        let task = Task { _ = try? await Task.sleep(for: duration) }
        state.withLock { state in
            state.pause = task
            if state.isStopping { task.cancel() }
        }
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func dropped(_ event: SessionEvent, _ error: CodedError) {
        logger.emit(.sessionEventDropped, labels(event, error))
    }

    private func labels(_ event: SessionEvent, _ error: CodedError) -> Logger.Metadata {
        [
            "event": "\(event.event.rawValue)", "connectionId": "\(event.connectionId)",
            "reason": "\(error)",
        ]
    }
}

/// What one connection tells the session webhook, in the right order.
final class ConnectionEvents: Sendable {
    private let queue: SessionEventQueue
    private let connection: ConnectionState
    private let hasBegun = Mutex(false)

    init(_ queue: SessionEventQueue, _ connection: ConnectionState) {
        self.queue = queue
        self.connection = connection
    }

    /// The workspace may be ready before the login has come back through all layers.
    func began() {
        let isFirst = hasBegun.withLock { hasBegun in
            defer { hasBegun = true }
            return !hasBegun
        }
        if isFirst { queue.send(.begin, connection) }
    }

    func ready(_ container: String) {
        began()
        queue.send(.ready, connection) { $0.container = container }
    }

    func ended(_ reason: String, after duration: Duration, received: UInt64, sent: UInt64) {
        guard hasBegun.withLock({ $0 }) else { return }
        queue.send(.end, connection) { event in
            event.reason = reason
            event.durationSeconds = duration.roundedSeconds
            event.bytesReceived = received
            event.bytesSent = sent
        }
    }
}

extension FormatStyle where Self == Date.ISO8601FormatStyle {
    fileprivate static var iso8601Milliseconds: Self {
        Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    }
}
