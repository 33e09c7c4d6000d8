import AuthClient
import Foundation
import InMemoryLogging
import Logging
import NIOPosix
import ServiceLifecycle
import SharedConfig
import SharedModels
import StubHTTPServer
import Synchronization
import Testing

@testable import GatewayCore

@Suite("Events of sessions", .timeLimit(.minutes(2)))
struct SessionEventQueueTests {
    private let log = InMemoryLogHandler()

    private let connection = ConnectionState(
        connectionID: String(repeating: "a", count: 32),
        remoteAddress: RemoteAddress(host: "203.0.113.7", port: 41022),
        eventLoop: MultiThreadedEventLoopGroup.singleton.next()
    )

    private var logger: Logger {
        var logger = Logger(label: "events") { [log] _ in log }
        logger.logLevel = .debug
        return logger
    }

    private func count(_ code: String) -> Int {
        log.entries.count { $0.metadata["code"]?.description == code }
    }

    /// Runs the queue for a stub with this script; afterwards the queue has been shut down.
    private func run(
        _ script: @escaping StubHTTPServer.Script,
        _ change: (inout SessionEventsConfig) -> Void = { _ in },
        _ body: (SessionEventQueue, StubHTTPServer) async throws -> Void
    ) async throws -> [SessionEvent] {
        try await StubHTTPServer.run(script) { url, stub async throws in
            var config = SessionEventsConfig()
            config.client.url = url
            config.client.timeout = .seconds(20)
            config.retryInterval = .milliseconds(10)
            change(&config)
            let client = try SessionEventClient(config.client, logger: logger)
            let queue = SessionEventQueue(config, client: client, logger: logger)
            let group = ServiceGroup(configuration: .init(services: [queue], logger: logger))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                try await body(queue, stub)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            return try stub.requests.map {
                try JSONDecoder().decode(SessionEvent.self, from: Data($0.body.utf8))
            }
        }
    }

    private func wait(for count: Int, _ stub: StubHTTPServer) async throws {
        let end = ContinuousClock.now + .seconds(150)
        while stub.requests.count < count, ContinuousClock.now < end { await Task.yield() }
        try #require(stub.requests.count >= count)
    }

    @Test("begin, ready and end come once, in order, numbered, with what is known")
    func inOrder() async throws {
        connection.update {
            $0.username = "root"
            $0.authenticatedUsername = "alice"
            $0.carried.metadata = [
                "team": MetadataValue("red"), "token": MetadataValue("t0p", sensitive: true),
            ]
        }
        let events = try await run({ _, _ in .reply(status: 204) }) { queue, stub in
            let events = ConnectionEvents(queue, connection)
            events.ready("c0ffee")
            events.began()
            events.ended("client disconnected", after: .seconds(2), received: 3, sent: 4)
            try await wait(for: 3, stub)
            #expect(stub.requests.allSatisfy { $0.path == "/session" && $0.method == "POST" })
            #expect(stub.requests.allSatisfy { !$0.body.contains("t0p") })
        }
        #expect(events.map(\.event) == [.begin, .ready, .end])
        #expect(events.map(\.sequence) == [1, 2, 3])
        #expect(Set(events.map(\.eventId)).count == 3)
        #expect(events.allSatisfy { $0.connectionId == connection.connectionID })
        #expect(events.allSatisfy { $0.remoteAddress == "203.0.113.7:41022" })
        #expect(events.allSatisfy { $0.username == "root" && $0.authenticatedUsername == "alice" })
        #expect(events.allSatisfy { $0.metadata == ["team": MetadataValue("red")] })
        #expect(events[1].container == "c0ffee")
        #expect(events[2].reason == "client disconnected")
        #expect(events[2].durationSeconds == 2)
        #expect(events[2].bytesReceived == 3 && events[2].bytesSent == 4)
        #expect(events[0].time.hasSuffix("Z") && events[0].time.contains("."))
    }

    @Test("a connection that nobody logged in on has no events")
    func neverBegun() async throws {
        let events = try await run({ _, _ in .reply(status: 204) }) { queue, _ in
            ConnectionEvents(queue, connection)
                .ended("lost", after: .zero, received: 0, sent: 0)
        }
        #expect(events.isEmpty)
    }

    @Test("what is not taken is sent again, the same event, before the next one")
    func again() async throws {
        let events = try await run({ _, index in
            index < 3
                ? StubAnswer.reply(status: [500, 429, 503][index])
                : .reply(status: 200)
        }) { queue, stub in
            queue.send(.begin, connection)
            queue.send(.end, connection)
            try await wait(for: 5, stub)
        }
        #expect(events.map(\.sequence) == [1, 1, 1, 1, 2])
        #expect(Set(events.prefix(4).map(\.eventId)).count == 1)
        #expect(count("SESSION_EVENT_DELAYED") == 3)
        #expect(count("SESSION_EVENT_DROPPED") == 0)
    }

    @Test("a refusal is final")
    func refused() async throws {
        let events = try await run({ _, index in .reply(status: index == 0 ? 400 : 204) }) {
            queue,
            stub in
            queue.send(.begin, connection)
            queue.send(.end, connection)
            try await wait(for: 2, stub)
        }
        #expect(events.map(\.sequence) == [1, 2])
        #expect(count("SESSION_EVENT_DROPPED") == 1)
    }

    @Test("an event that is too old is dropped, and the next one has its turn")
    func tooOld() async throws {
        _ = try await run(
            { request, _ in
                .reply(status: request.body.contains(#""event":"begin""#) ? 500 : 204)
            },
            { $0.maximumAge = .milliseconds(50) }
        ) { queue, stub in
            queue.send(.begin, connection)
            let end = ContinuousClock.now + .seconds(150)
            while count("SESSION_EVENT_DROPPED") == 0, ContinuousClock.now < end {
                await Task.yield()
            }
            queue.send(.end, connection)
            try await wait(for: 2, stub)
        }
        #expect(count("SESSION_EVENT_DROPPED") == 1)
    }

    @Test("a full queue drops what comes, says so, and nobody waits")
    func full() async throws {
        let config = { (config: inout SessionEventsConfig) in config.queue = 2 }
        let events = try await run(
            { _, _ in .late(milliseconds: 100, .reply(status: 204)) },
            config
        ) {
            queue,
            stub in
            for _ in 0..<50 { queue.send(.begin, connection) }
            try await wait(for: 2, stub)
        }
        #expect(events.count < 50)
        #expect(count("SESSION_EVENT_DROPPED") == 1)
    }

    @Test("at the shutdown what waits is tried once more, and nothing hangs")
    func shutdown() async throws {
        let events = try await run(
            { _, _ in .reply(status: 503) },
            { $0.retryInterval = .seconds(3600) }
        ) {
            queue,
            stub in
            for _ in 0..<3 { queue.send(.begin, connection) }
            try await wait(for: 1, stub)
        }
        #expect(Set(events.map(\.sequence)) == [1, 2, 3])
        #expect(count("SESSION_EVENT_DROPPED") == 3)
    }
}
