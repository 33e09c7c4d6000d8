import Foundation
import GatewayClient
import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SharedMessages
import SharedSSH
import Testing

@testable import GatewayCore

@Suite("The register of live connections")
struct SessionRegistryTests {
    private let log = InMemoryLogHandler()
    private let control = FakeControl()
    private let state = ConnectionState(
        connectionID: String(repeating: "a", count: 32),
        remoteAddress: RemoteAddress(host: "203.0.113.7", port: 41022),
        listener: "[::1]:2222",
        eventLoop: MultiThreadedEventLoopGroup.singleton.next()
    )
    private let handshake = HandshakeFacts(
        clientVersion: "SSH-2.0-test",
        keyExchange: "k",
        hostKeyAlgorithm: "h",
        inboundCipher: "c",
        outboundCipher: "c"
    )

    private var logger: Logger {
        let log = log
        var logger = Logger(label: "test") { _ in log }
        logger.logLevel = .debug
        return logger
    }

    private func layer(_ registry: SessionRegistry) -> LogLayer {
        LogLayer(
            state: state,
            registry: registry,
            control: control,
            logger: logger,
            next: OneSessionHandler()
        )
    }

    private func entry(_ code: MessageCode) -> InMemoryLogHandler.Entry? {
        log.entries.first { $0.metadata["code"].map { "\($0)" } == code.id }
    }

    @Test("a connection is in it from the first moment to the last, with what is known")
    func life() async throws {
        let registry = SessionRegistry(logger: logger)
        let layer = layer(registry)
        #expect(registry.records().map(\.id) == [state.connectionID])
        #expect(registry.records().first?.isAuthenticated == false)
        await layer.handshakeCompleted(handshake)
        state.update {
            $0.username = "dev"
            $0.authenticatedUsername = "dev@example.org"
            $0.clientVersion = "SSH-2.0-test"
        }
        try await layer.authenticated(as: "dev")
        guard case .accepted(let session) = await layer.openSession(FakeChannel()) else {
            Issue.record("the session is refused")
            return
        }
        let record = try #require(registry.records().first)
        #expect(record.isAuthenticated)
        #expect(record.openSessions == 1)
        #expect(record.username == "dev")
        #expect(record.authenticatedUsername == "dev@example.org")
        #expect(record.remoteAddress == "203.0.113.7")
        #expect(record.clientVersion == "SSH-2.0-test")
        #expect(record.bytesReceived == 11)
        #expect(record.bytesSent == 22)
        #expect(record.age >= 0)
        await session.closed()
        #expect(registry.records().first?.openSessions == 0)
        await layer.disconnected(.byClient(.byApplication, text: "bye"))
        #expect(registry.records().isEmpty)
    }

    @Test("a session's beginning and end are audit events with identity, cause, time and bytes")
    func events() async throws {
        let layer = layer(SessionRegistry(logger: logger))
        #expect(entry(.sshConnected)?.metadata["listen"] == "[::1]:2222")
        await layer.handshakeCompleted(handshake)
        #expect(entry(.sshAlgorithmsAgreed)?.metadata["keyExchange"] == "k")
        state.update { $0.username = "dev" }
        try await layer.authenticated(as: "dev")
        #expect(entry(.sessionCreated)?.metadata["username"] == "dev")
        await layer.disconnected(.byClient(.byApplication, text: "bye"))
        let end = try #require(entry(.sessionEnded)?.metadata)
        #expect(end["username"] == "dev")
        #expect(end["reason"] == "client disconnected (reason 11, bye)")
        #expect(end["bytesReceived"].map { "\($0)" } == "11")
        #expect(end["bytesSent"].map { "\($0)" } == "22")
        #expect(end["duration"].flatMap { Double("\($0)") } != nil)
    }

    @Test("who never logged in has no session that could end")
    func noSession() async {
        await layer(SessionRegistry(logger: logger)).disconnected(.lost(text: "reset"))
        #expect(entry(.sessionEnded) == nil)
        #expect(entry(.sshDisconnected) != nil)
    }

    @Test("a kill ends the connection with a text, and is an event with actor and reason")
    func kill() throws {
        let registry = SessionRegistry(logger: logger)
        _ = layer(registry)
        try registry.kill(state.connectionID, SessionKill(reason: "maintenance", actor: "root"))
        let refusal = try #require(control.refusals.first)
        #expect(refusal.reason == .byApplication)
        #expect(refusal.text.hasSuffix("maintenance"))
        let event = try #require(entry(.gatewaySessionRevoked)?.metadata)
        #expect(event["actor"] == "root")
        #expect(event["reason"] == "maintenance")
    }

    @Test("who is not there cannot be ended")
    func unknown() {
        let registry = SessionRegistry(logger: logger)
        let error = #expect(throws: CodedError.self) {
            try registry.kill("nobody", SessionKill(reason: "x"))
        }
        #expect(error?.code == .gatewaySessionUnknown)
    }
}
