import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SharedAudit
import SharedConfig
import SharedMessages
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("The size of a recording")
struct RecordingSizeTests {
    private let log = InMemoryLogHandler()
    private let control = FakeControl()
    private let recorder = FakeRecorder()
    private let handler = OneSessionHandler()
    private let handshake = HandshakeFacts(
        clientVersion: "SSH-2.0-test",
        keyExchange: "k",
        hostKeyAlgorithm: "h",
        inboundCipher: "c",
        outboundCipher: "c"
    )

    /// A layer with an open session, whose channel records its output.
    private func layer(_ change: (inout AuditConfig) -> Void) async -> AuditLayer {
        var options = AuditConfig()
        options.intercept.stdout = true
        change(&options)
        let log = log
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .debug
        let layer = AuditLayer(
            state: ConnectionState(
                connectionID: String(repeating: "a", count: 32),
                remoteAddress: RemoteAddress(host: "203.0.113.7", port: 41022),
                eventLoop: MultiThreadedEventLoopGroup.singleton.next()
            ),
            recordings: recorder,
            options: options,
            control: control,
            logger: logger,
            acceptedAt: 1,
            next: handler
        )
        await layer.handshakeCompleted(handshake)
        _ = await layer.openSession(FakeChannel())
        return layer
    }

    private func entries(_ code: MessageCode) -> [Logger.Metadata] {
        log.entries.map(\.metadata).filter { $0["code"].map { "\($0)" } == code.id }
    }

    private var recordedBytes: Int {
        recorder.events.reduce(0) {
            if case .io(_, let bytes?) = $1 { $0 + bytes.readableBytes } else { $0 }
        }
    }

    @Test("its beginning and its end are told, with bytes and seconds")
    func events() async throws {
        let layer = await layer { _ in }
        let channel = try #require(handler.channel)
        try await channel.write(ByteBuffer(repeating: 1, count: 1000), to: .stdout)
        await layer.disconnected(.lost(text: "reset"))
        #expect(entries(.recordingStarted).first?["recording"].map { "\($0)" } == recorder.id)
        let end = try #require(entries(.recordingStopped).first)
        #expect(end["size"].flatMap { Int("\($0)") } ?? 0 > 1000)
        #expect(end["duration"].flatMap { Double("\($0)") } != nil)
    }

    @Test("an end that does not reach auditd is told as such")
    func closeFailed() async {
        let layer = await layer { _ in }
        recorder.failFinishing()
        await layer.disconnected(.lost(text: "reset"))
        #expect(entries(.recordingCloseFailed).count == 1)
        #expect(entries(.recordingStopped).isEmpty)
    }

    @Test("at its limit the connection ends with a text, and the limit is told once")
    func ends() async throws {
        let layer = await layer { $0.maxSize = 4096 }
        let channel = try #require(handler.channel)
        await #expect(throws: ChannelClosed.self) {
            while true {
                try await channel.write(ByteBuffer(repeating: 1, count: 1000), to: .stdout)
            }
        }
        #expect(recordedBytes <= 4096)
        #expect(control.refusals.first?.text == personText(.recordingSizeLimit, nil))
        #expect(entries(.recordingSizeLimit).count == 1)
        #expect(entries(.gatewayRecordingLost).isEmpty)
        await layer.disconnected(.lost(text: "reset"))
        #expect(entries(.recordingStopped).count == 1)
    }

    @Test("at its limit the session may go on, with what is done recorded but no streams")
    func stops() async throws {
        let layer = await layer {
            $0.maxSize = 4096
            $0.whenFull = .stop
        }
        let channel = try #require(handler.channel)
        for _ in 1...10 {
            try await channel.write(ByteBuffer(repeating: 1, count: 1000), to: .stdout)
        }
        #expect(recordedBytes <= 4096)
        #expect(control.refusals.isEmpty)
        #expect(entries(.recordingSizeLimit).count == 1)
        await channel.sendExit(.status(3))
        #expect(recorder.events.last == .exit(status: 3))
        await layer.disconnected(.lost(text: "reset"))
    }
}
