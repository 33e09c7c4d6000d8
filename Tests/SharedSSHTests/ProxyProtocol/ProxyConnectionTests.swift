import NIOCore
import NIOEmbedded
import NIOPosix
import SSHTestServer
import Synchronization
import Testing

@testable import SharedSSH

@Suite("Connections behind a proxy", .timeLimit(.minutes(5)))
struct ProxyConnectionTests {
    private static let header = "PROXY TCP4 203.0.113.7 10.0.0.1 41022 22\r\n"

    @Test("a trusted proxy's header names the client to gate and handler")
    func named() async throws {
        try await ProxiedServer.run { server in
            let socket = try await server.connect(Self.header + "SSH-2.0-test\r\n")
            let client = try await server.nextClient()
            #expect(client.host == "203.0.113.7")
            #expect(client.port == 41022)
            #expect(client.proxy == "127.0.0.1")
            #expect(client.listener.port == server.port)
            #expect(server.asked == [client])
            try await socket.waitFor { $0.hasPrefix("SSH-2.0-") }
        }
    }

    @Test("a header that comes byte by byte is understood")
    func slowBytes() async throws {
        try await ProxiedServer.run { server in
            let socket = try await server.connect("")
            for byte in Self.header { try await socket.send(String(byte)) }
            #expect(try await server.nextClient().host == "203.0.113.7")
        }
    }

    @Test("a trusted proxy without a header is a client itself, unless one is required")
    func direct() async throws {
        try await ProxiedServer.run { server in
            _ = try await server.connect("SSH-2.0-test\r\n")
            #expect(try await server.nextClient().host == "127.0.0.1")
        }
        try await ProxiedServer.run(isRequired: true) { server in
            let socket = try await server.connect("SSH-2.0-test\r\n")
            try await socket.waitFor { $0.contains("no PROXY header came first") }
            #expect(try await server.nextProblem() == .missing)
            #expect(server.asked.isEmpty)
        }
    }

    @Test("a client that waits for the server's identification is not taken for a slow proxy")
    func silent() async throws {
        try await ProxiedServer.run(timeout: .milliseconds(30)) { server in
            let socket = try await server.connect("")
            #expect(try await server.nextClient().host == "127.0.0.1")
            try await socket.waitFor { $0.hasPrefix("SSH-2.0-") }
        }
    }

    @Test("a header that is not complete in time is refused", arguments: ["PROXY TCP4 203.", "P"])
    func late(bytes: String) throws {
        let outcomes = Mutex<[ProxyHeaderHandler.Outcome]>([])
        let handler = ProxyHeaderHandler(isRequired: false, timeout: .seconds(2)) { outcome in
            outcomes.withLock { $0.append(outcome) }
        }
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeInbound(ByteBuffer(string: bytes))
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1999))
        #expect(outcomes.withLock { $0.isEmpty })
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(outcomes.withLock { $0 } == [.failure(.late)])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("a silent connection is refused where a header is required")
    func silentRequired() async throws {
        try await ProxiedServer.run(isRequired: true, timeout: .milliseconds(30)) { server in
            let socket = try await server.connect("")
            #expect(try await server.nextProblem() == .late)
            try await socket.waitFor { $0.contains("not complete in time") }
            try await socket.waitForEnd()
            #expect(server.asked.isEmpty)
        }
    }

    @Test("a malformed header is refused")
    func malformed() async throws {
        try await ProxiedServer.run { server in
            let socket = try await server.connect("PROXY TCP4 nowhere\r\nSSH-2.0-test\r\n")
            guard case .malformed = try await server.nextProblem() else {
                Issue.record("not malformed")
                return
            }
            try await socket.waitForEnd()
            #expect(server.asked.isEmpty)
        }
    }

    @Test("a header from an address that is not trusted is refused, in pieces or not")
    func untrusted() async throws {
        for isTrusted in [false, nil] {
            try await ProxiedServer.run(isTrusted: isTrusted) { server in
                let whole = try await server.connect(Self.header)
                #expect(try await server.nextProblem() == .untrusted)
                try await whole.waitForEnd()
                let pieces = try await server.connect("PROXY ")
                try await pieces.send("TCP4 20")
                #expect(try await server.nextProblem() == .untrusted)
                try await pieces.waitForEnd()
            }
        }
    }

    @Test("where a header is required nobody else can connect")
    func untrustedRequired() async throws {
        try await ProxiedServer.run(isTrusted: false, isRequired: true) { server in
            let socket = try await server.connect("SSH-2.0-test\r\n")
            #expect(try await server.nextProblem() == .missing)
            try await socket.waitForEnd()
        }
    }

    @Test("a connection whose header is awaited counts until it is gone")
    func counted() async throws {
        try await ProxiedServer.run(timeout: .seconds(600)) { server in
            let socket = try await server.connect("PROXY ")
            try await server.wait { $0.server.connectionCount == 1 }
            #expect(await !server.server.waitUntilEmpty(atMost: .milliseconds(20)))
            async let isEmpty = server.server.waitUntilEmpty(atMost: .seconds(30))
            try await socket.close()
            #expect(await isEmpty)
        }
    }

    @Test("what the gate refuses is told why, and what it drops is closed")
    func gate() async throws {
        let text = "Not from there."
        let refusal = ServerRefusal(reason: .hostNotAllowedToConnect, text: text)
        try await ProxiedServer.run(admission: .refused(refusal)) { server in
            let socket = try await server.connect(Self.header)
            try await socket.waitFor { $0.contains(text) }
            try await socket.waitForEnd()
        }
        try await ProxiedServer.run(admission: .dropped) { server in
            let socket = try await server.connect(Self.header)
            try await socket.waitForEnd()
            #expect(socket.text.isEmpty)
        }
    }

    @Test("an admitted connection releases its place once, when it is over")
    func released() async throws {
        let releases = Mutex(0)
        let admission = Admission.admitted { releases.withLock { $0 += 1 } }
        try await ProxiedServer.run(admission: admission) { server in
            let socket = try await server.connect(Self.header + "SSH-2.0-test\r\n")
            _ = try await server.nextClient()
            #expect(releases.withLock { $0 } == 0)
            try await socket.close()
            #expect(await server.server.waitUntilEmpty(atMost: .seconds(30)))
            #expect(releases.withLock { $0 } == 1)
        }
    }
}

/// A server that trusts or does not trust the loopback address, and tells what it meets.
private struct ProxiedServer: Sendable {
    let server: SSHServer
    let port: Int
    private let gate: RecordingGate
    private let clients: AsyncStream<RemoteClient>
    private let problems: AsyncStream<ProxyHeaderProblem>

    var asked: [RemoteClient] { gate.asked.withLock { $0 } }

    /// `isTrusted` is `nil` for a server that knows of no proxies.
    static func run(
        isTrusted: Bool? = true,
        isRequired: Bool = false,
        timeout: Duration = .seconds(600),
        admission: Admission = .admitted(release: {}),
        _ body: (ProxiedServer) async throws -> Void
    ) async throws {
        let (clients, foundClient) = AsyncStream<RemoteClient>.makeStream()
        let (problems, foundProblem) = AsyncStream<ProxyHeaderProblem>.makeStream()
        let gate = RecordingGate(answer: admission)
        let policy = isTrusted.map { isTrusted in
            ProxyHeaderPolicy(isRequired: isRequired, timeout: timeout) { host in
                isTrusted && host == "127.0.0.1"
            }
        }
        let setup = ServerSetup(
            settings: try TestServer.settings(),
            gate: gate,
            proxyHeaders: policy
        ) { remote, control, loop in
            foundClient.yield(remote)
            return TestConnectionHandler(
                remote: remote,
                control: control,
                eventLoop: loop,
                behaviour: TestBehaviour(),
                journal: Journal()
            )
        }
        let server = SSHServer(setup, group: singletonGroup) { event in
            guard case .proxyHeaderRefused(_, let problem) = event else { return }
            foundProblem.yield(problem)
        }
        try await server.start(host: "127.0.0.1", port: 0)
        let port = try #require(server.boundAddress?.port)
        let made = ProxiedServer(
            server: server,
            port: port,
            gate: gate,
            clients: clients,
            problems: problems
        )
        do {
            try await body(made)
        } catch {
            await server.shutdown(deadline: .zero, text: "test over")
            throw error
        }
        await server.shutdown(deadline: .zero, text: "test over")
    }

    func nextClient() async throws -> RemoteClient {
        try #require(await clients.first { _ in true })
    }

    func nextProblem() async throws -> ProxyHeaderProblem {
        try #require(await problems.first { _ in true })
    }

    func wait(_ condition: (ProxiedServer) -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(120)
        while !condition(self) {
            try #require(ContinuousClock.now < end, "not so in time")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func connect(_ text: String) async throws -> RawSocket {
        try await RawSocket.connect(port, sending: text)
    }
}

private final class RecordingGate: ConnectionGate {
    let asked = Mutex<[RemoteClient]>([])
    private let answer: Admission

    init(answer: Admission) {
        self.answer = answer
    }

    func admit(_ client: RemoteClient) -> Admission {
        asked.withLock { $0.append(client) }
        return answer
    }
}

/// A TCP connection whose bytes are looked at as text.
private final class RawSocket: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let received = Mutex("")
    private let channel = Mutex<(any Channel)?>(nil)
    private let isEnded = Atomic(false)

    var text: String { received.withLock { $0 } }

    static func connect(_ port: Int, sending text: String) async throws -> RawSocket {
        let socket = RawSocket()
        let channel = try await ClientBootstrap(group: singletonGroup)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(socket)
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        socket.channel.withLock { $0 = channel }
        // The server may have closed already.
        if !text.isEmpty { try? await socket.send(text) }
        return socket
    }

    func send(_ text: String) async throws {
        let channel = channel.withLock { $0 }
        try await channel?.writeAndFlush(ByteBuffer(string: text))
    }

    func close() async throws {
        try await channel.withLock { $0 }?.close()
    }

    func waitFor(_ condition: (String) -> Bool) async throws {
        try await wait { condition(text) }
    }

    func waitForEnd() async throws {
        try await wait { isEnded.load(ordering: .acquiring) }
    }

    private func wait(_ condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(120)
        while !condition() {
            try #require(ContinuousClock.now < end, "not so in time: \(text)")
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        received.withLock { $0 += String(decoding: bytes.readableBytesView, as: UTF8.self) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isEnded.store(true, ordering: .releasing)
    }
}
