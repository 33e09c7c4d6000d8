import AuditClient
import Logging
import NIOCore
import NIOPosix
import SSHTestServer
import SharedAudit
import SharedConfig
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization
import Testing

@testable import GatewayCore

/// What one connection through the SSH engine and the audit layer left in its recording, read from
/// the recording's bytes.
struct RealRecording {
    let messages: [AuditMessage]
    /// The decoder's lines.
    let text: String

    var events: [AuditEvent] { messages.map(\.event) }
    var types: [Int32] { events.map(\.kind.number) }

    /// Events of these types, in order.
    func events(_ types: ClosedRange<Int32>) -> [AuditEvent] {
        events.filter { types.contains($0.kind.number) }
    }

    /// The bytes of a stream.
    func stream(_ stream: AuditEvent.Stream) -> String {
        var bytes = ByteBuffer()
        for case .io(stream, let piece?) in events { bytes.writeImmutableBuffer(piece) }
        return String(buffer: bytes)
    }

    /// Makes one connection and lets `body` use it; returns once the recording is complete.
    static func made(
        _ behaviour: TestBehaviour = TestBehaviour(),
        intercept: AuditInterceptConfig = AuditInterceptConfig(),
        _ body: (SSHClient, any ServerConnectionControl) async throws -> Void
    ) async throws -> RealRecording {
        let made = MemoryRecorder()
        let control = Latch<any ServerConnectionControl>()
        let settings = try TestServer.settings()
        let server = SSHServer(settings: settings, group: MultiThreadedEventLoopGroup.singleton) {
            remote,
            given,
            loop in
            let slot = RecordingSlot()
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let recorded = AuditControl(given, slot: slot, logger: logger)
            control.settle(.success(recorded))
            var options = AuditConfig()
            options.intercept = intercept
            return AuditLayer(
                state: ConnectionState(
                    connectionID: made.id,
                    remoteAddress: RemoteAddress(host: remote.host, port: remote.port),
                    country: CountrySlot("CH"),
                    eventLoop: loop
                ),
                recordings: made,
                options: options,
                control: given,
                logger: logger,
                acceptedAt: 1,
                slot: slot,
                next: TestConnectionHandler(
                    remote: remote,
                    control: recorded,
                    eventLoop: loop,
                    behaviour: behaviour,
                    journal: Journal()
                )
            )
        }
        try await server.start(host: "127.0.0.1", port: 0)
        let outcome: Result<Void, any Error>
        do {
            let client = try await connect(to: server, settings)
            try await body(client, try await control.value())
            await client.close()
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await server.shutdown(deadline: .zero, text: "test over")
        try outcome.get()
        try await made.finished.value(within: .seconds(90), late: Unfinished())
        return try made.read()
    }

    struct Unfinished: Error {}

    private static func connect(
        to server: SSHServer,
        _ settings: SSHServerSettings
    ) async throws -> SSHClient {
        let key = try #require(settings.transport.hostKeys.first).publicKey
        var client = SSHClientSettings(
            transport: TransportSettings(isHostKeyTrusted: { $0 == key })
        )
        client.refusal = { _ in nil }
        return try await SSHClient.connect(
            host: "127.0.0.1",
            port: try #require(server.boundAddress?.port),
            settings: client,
            group: MultiThreadedEventLoopGroup.singleton
        )
    }
}

/// Encodes a recording as the shipper does, and keeps it.
private final class MemoryRecorder: Recorder, RecordingHandle {
    let id = String(repeating: "a", count: 32)
    let finished = Latch<Void>()
    private let state = Mutex((encoder: BinaryEncoder(), time: Int64(1), isOver: false))

    func openRecording(
        id: String,
        facts: RecordingFacts,
        onFailure: @escaping @Sendable (CodedError) -> Void
    ) async throws -> any RecordingHandle {
        self
    }

    func append(_ event: AuditEvent, channel: UInt64?) async throws {
        state.withLock { state in
            guard !state.isOver else { return }
            state.time += 1
            state.encoder.append(
                AuditMessage(
                    connectionID: id,
                    timestamp: state.time,
                    channelID: channel,
                    event: event
                )
            )
        }
    }

    func identify(username: String) {}
    func identify(container: String) {}
    func deliver(_ delivery: RecordingDelivery) async throws {}

    func finish() async throws {
        try await append(.disconnect, channel: nil)
        state.withLock { $0.isOver = true }
        finished.settle(.success(()))
    }

    func read() throws -> RealRecording {
        let deflater = try #require(Deflater())
        var decoder = RecordingDecoder()
        let bytes = state.withLock { $0.encoder.finish(using: deflater) }
        let items = decoder.feed(bytes) + decoder.end()
        return RealRecording(
            messages: try items.map { item in
                guard case .message(let message) = item else {
                    Issue.record("\(item)")
                    throw RealRecording.Unfinished()
                }
                return message
            },
            text: items.map(\.jsonLine).joined(separator: "\n")
        )
    }
}
