import BackendConformance
import GatewayCore
import NIOCore
import NIOPosix
import SharedMessages
import SharedWaiting
import Synchronization
import Testing

@testable import GuestAgent

/// A forwarding agent that lies, or is ContainerSSH's with its habits.
@Suite("A forwarding agent whose words are the test's")
final class HostileForwardTests: Sendable {
    private let transport = ScriptedTransport()
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let ends = Mutex(0)

    private func say(_ kind: UInt64, _ id: UInt64 = 0, _ payload: ByteBuffer? = nil) {
        transport.say(Array(ForwardPacket.encode(kind, id, payload).readableBytesView))
    }

    /// What the gateway has sent, but for the first packet.
    private func heard() throws -> [ForwardPacket] {
        var decoder = ForwardDecoder()
        decoder.add(ByteBuffer(bytes: transport.heard))
        var packets: [ForwardPacket] = []
        while let packet = try decoder.next() { packets.append(packet) }
        return Array(packets.dropFirst())
    }

    private func has(_ kind: UInt64, _ id: UInt64) throws -> Bool {
        try heard().contains { $0.kind == kind && $0.id == id }
    }

    private func open(
        _ setup: ForwardSetup,
        _ accepts: ForwardAccepts? = nil,
        linger: Duration = .seconds(10)
    ) async throws -> ForwardLink {
        let process = ForwardProcess(transport: transport, eventLoop: loop) { [self] in
            ends.withLock { $0 += 1 }
        }
        return try await ForwardLink.open(
            process,
            setup,
            accepts: accepts,
            ForwardOptions(timeout: .seconds(20), bindTime: .milliseconds(50), linger: linger),
            AgentProcess.silent
        )
    }

    private func dialling() async throws -> ForwardLink {
        say(ForwardPacket.success)
        return try await open(.dial)
    }

    private func opened(_ link: ForwardLink) async throws -> ForwardStream {
        async let stream = link.dial(.tcp(host: "127.0.0.1", port: 80))
        try await eventually(.seconds(90), "it is asked") {
            try has(ForwardPacket.newConnection, 1)
        }
        say(ForwardPacket.success, 1)
        return try await stream
    }

    static let violations: [[UInt8]] = [
        [0xFF], [0x00], [0xA3, 0x00], [UInt8](repeating: 0xA1, count: 20),
        Array(ForwardPacket.encode(ForwardPacket.setup).readableBytesView),
    ]

    @Test("what is no packet ends the agent, and who waits is told", arguments: violations)
    func violation(_ bytes: [UInt8]) async throws {
        let link = try await dialling()
        let stream = try await opened(link)
        let dial = Task { try await link.dial(.unixSocket("/x")) }
        try await eventually(.seconds(90), "it is asked") {
            try has(ForwardPacket.newConnection, 2)
        }
        transport.say(bytes)
        let error = await #expect(throws: CodedError.self) { _ = try await dial.value }
        #expect(error?.code == .agentViolation)
        #expect(try await stream.read() == nil)
        await #expect(throws: (any Error).self) { try await stream.write(ByteBuffer(string: "x")) }
        #expect(!link.isUsable)
        await link.close()
        #expect(ends.withLock { $0 } == 1)
    }

    @Test("packets about connections that nobody has are nothing")
    func unknown() async throws {
        let link = try await dialling()
        for kind in [ForwardPacket.success, ForwardPacket.error, ForwardPacket.data] {
            say(kind, 77, ByteBuffer(string: "x"))
        }
        say(ForwardPacket.closeConnection, 77)
        say(99, 3)
        // Only we ask this one for connections.
        say(ForwardPacket.newConnection, UInt64.max, ByteBuffer(string: "x"))
        let stream = try await opened(link)
        #expect(try has(ForwardPacket.error, UInt64.max))
        say(ForwardPacket.data, 1, ByteBuffer(string: "hi"))
        #expect(try await stream.read() == ByteBuffer(string: "hi"))
        await link.close()
    }

    @Test("a flood that causes answers ends with them")
    func flood() async throws {
        let accepts = ForwardAccepts(of: 1, on: loop)
        say(ForwardPacket.success)
        let link = try await open(.listen(.tcp(host: "", port: 1)), accepts)
        let place = ForwardOrigin.request(.tcp(host: "h", port: 1), from: "192.0.2.1", 7)
        var all = ByteBuffer()
        for id in 1...3000 as ClosedRange<UInt64> {
            all.writeImmutableBuffer(
                ForwardPacket.encode(ForwardPacket.newConnection, id, place)
            )
        }
        transport.say(Array(all.readableBytesView))
        try await eventually(.seconds(90), "those beyond the limit are refused") {
            try has(ForwardPacket.error, 3000)
        }
        let refused = try heard().filter { $0.kind == ForwardPacket.error }.count
        #expect(refused == 3000 - 1024)
        let first = try #require(try await accepts.next())
        #expect(first.take())
        #expect(first.origin?.host == "192.0.2.1" && first.origin?.port == 7)
        await link.close()
    }

    @Test("a connection that is not read holds up its agent, not the next one")
    func unread() async throws {
        let link = try await dialling()
        let stream = try await opened(link)
        let piece = ByteBuffer(repeating: 7, count: 100_000)
        for _ in 0..<20 { say(ForwardPacket.data, 1, piece) }
        try await eventually(.seconds(90), "the agent is held up") { !link.isUsable }
        var count = 0
        while count < 2_000_000, let bytes = try await stream.read() {
            count += bytes.readableBytes
        }
        #expect(count == 2_000_000)
        try await eventually(.seconds(90), "it goes on") { link.isUsable }
        await link.close()
    }

    @Test("one who says yes and ends at once could not listen")
    func lateRefusal() async throws {
        say(ForwardPacket.success)
        transport.end()
        let error = await #expect(throws: CodedError.self) {
            _ = try await open(
                .listen(.tcp(host: "127.0.0.1", port: 22)),
                ForwardAccepts(of: 1, on: loop)
            )
        }
        #expect(error?.code == .agentLost)
        #expect(ends.withLock { $0 } == 1)
    }

    @Test("an abandoned dial is closed when it is known, and not before")
    func abandoned() async throws {
        let link = try await dialling()
        let dial = Task { try await link.dial(.unixSocket("/x")) }
        try await eventually(.seconds(90), "it is asked") {
            try has(ForwardPacket.newConnection, 1)
        }
        dial.cancel()
        await #expect(throws: CancellationError.self) { _ = try await dial.value }
        #expect(try !has(ForwardPacket.closeConnection, 1))
        say(ForwardPacket.success, 1)
        try await eventually(.seconds(90), "it is closed") {
            try has(ForwardPacket.closeConnection, 1)
        }
        await link.close()
    }

    @Test("the end of our direction is that of the connection once the other is silent")
    func lingering() async throws {
        say(ForwardPacket.success)
        let link = try await open(.dial, linger: .milliseconds(50))
        let stream = try await opened(link)
        await stream.closeWrite()
        say(ForwardPacket.data, 1, ByteBuffer(string: "late"))
        #expect(try await stream.read() == ByteBuffer(string: "late"))
        #expect(try await stream.read() == nil)
        #expect(try has(ForwardPacket.closeConnection, 1))
        await link.close()
    }

    @Test("an agent that does not answer does not hold up its end")
    func silentEnd() async throws {
        say(ForwardPacket.success)
        let accepts = ForwardAccepts(of: 1, on: loop)
        let link = try await open(.listen(.unixSocket("/x")), accepts)
        async let stopped: Void = link.stopAccepting()
        try await eventually(.seconds(90), "it is told") {
            try has(ForwardPacket.noMoreConnections, 0)
        }
        await link.close()
        await stopped
        #expect(try await accepts.next()?.origin == nil)
    }
}
