import InMemoryLogging
import Logging
import NIOCore
import NIOPosix
import SharedConfig
import SharedMessages
import SharedModels
import SharedSSH
import Synchronization
import Testing

@testable import GatewayCore

@Suite("Forwards through a workspace")
struct ForwarderTests {
    private let workspace = FakeForwardWorkspace()
    private let log = InMemoryLogHandler()
    private let control = ChannelGiver()
    private let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()

    private func forwarder(
        _ change: (inout SecurityForwardingConfig) -> Void = { _ in }
    ) async -> Forwarder {
        let state = ConnectionState(
            connectionID: String(repeating: "0", count: 32),
            remoteAddress: RemoteAddress(host: "192.0.2.1", port: 1),
            eventLoop: loop
        )
        var config = UserConfig()
        config.security.forwarding.forwardingMode = .enable
        change(&config.security.forwarding)
        let shared = config
        state.update { $0.userConfig = shared }
        let holder = WorkspaceHolder()
        let request = WorkspaceRequest(
            connectionID: state.connectionID,
            username: "dev",
            authenticatedUsername: "dev",
            remoteAddress: "192.0.2.1",
            carried: ConnectionMetadata(),
            eventLoop: loop
        )
        await holder.open(OneWorkspace(workspace), request) { _ in }
        var logger = Logger(label: "test") { [log] _ in log }
        logger.logLevel = .trace
        return Forwarder(state: state, holder: holder, control: control, logger: logger)
    }

    private var codes: [String] {
        log.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
    }

    private static func tcp(_ host: String = "inside", _ port: UInt32 = 80) -> ForwardTarget {
        .tcp(host: host, port: port, originator: ForwardOrigin(host: "127.0.0.1", port: 5))
    }

    // MARK: - To the workspace

    @Test("a target is dialled, and its bytes are carried until both ends")
    func opens() async throws {
        let forwarder = await forwarder()
        let channel = FakeByteChannel()
        let decision = await forwarder.openForward(channel, to: Self.tcp())
        guard case .accepted(let forward) = decision else {
            Issue.record("refused: \(decision)")
            return
        }
        #expect(workspace.dialled == [.tcp(host: "inside", port: 80)])
        async let run: Void = forward.run()
        try channel.fromClient.put(ByteBuffer(string: "x"))
        channel.fromClient.end()
        #expect(try await workspace.stream.sent.text() == "x")
        workspace.stream.received.end()
        await run
        await forward.closed()
        #expect(codes == ["FORWARD_OPENED", "FORWARD_CLOSED"])
    }

    @Test(
        "a port that does not exist and a path that cannot be are refused",
        arguments: [
            tcp("a", 0), tcp("a", 65_536), .unixSocket(path: ""), .unixSocket(path: "/a\0b"),
            .unixSocket(path: "/" + String(repeating: "x", count: 107)),
        ]
    )
    func badTarget(target: ForwardTarget) async {
        let decision = await forwarder().openForward(FakeByteChannel(), to: target)
        guard case .refused(.connectFailed, let text) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(text.hasSuffix("[FORWARD_BAD_TARGET]"))
        #expect(workspace.dialled.isEmpty)
    }

    @Test("what the backend says reaches the person, as a failure to connect")
    func fails() async {
        workspace.failure = CodedError(.sandboxDialFailed, detail: "secret detail")
        let decision = await forwarder().openForward(FakeByteChannel(), to: Self.tcp())
        guard case .refused(.connectFailed, let text) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(text == "The connection could not be made. [SANDBOX_DIAL_FAILED]")
        #expect(codes.first == "FORWARD_FAILED")
    }

    @Test("a backend that cannot forward is told apart, with its code")
    func unsupported() async {
        workspace.failure = OperationUnsupported(operation: "dial")
        let forwarder = await forwarder()
        let decision = await forwarder.openForward(FakeByteChannel(), to: Self.tcp())
        guard case .refused(.administrativelyProhibited, let text) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(text.hasSuffix("[FORWARD_UNSUPPORTED]"))
        let listening = await forwarder.listen(.tcp(host: "", port: 0))
        #expect(listening == .refused(text: text))
        #expect(codes.filter { $0 == "FORWARD_UNSUPPORTED" }.count == 2)
    }

    @Test("a rule that forbids an address is a refusal by the administrator")
    func forbidden() async {
        workspace.failure = CodedError(.securityForwardAddressDenied)
        let decision = await forwarder().openForward(FakeByteChannel(), to: Self.tcp())
        guard case .refused(.administrativelyProhibited, _) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(codes.first == "SECURITY_FORWARD_ADDRESS_DENIED")
    }

    @Test("a dial that takes too long is given up, and its stream closed if it comes after all")
    func timeout() async {
        workspace.dialIgnoresCancellation = true
        let decision = await forwarder { $0.connectTimeout = .milliseconds(20) }
            .openForward(FakeByteChannel(), to: Self.tcp())
        guard case .refused(.connectFailed, let text) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(text.hasSuffix("[FORWARD_TIMEOUT]"))
        #expect(workspace.stream.timesClosed == 1)
    }

    // MARK: - From the workspace

    @Test("port 0 becomes a port, and the client hears the address that it asked for")
    func listens() async throws {
        let forwarder = await forwarder()
        #expect(await forwarder.listen(.tcp(host: "localhost", port: 0)) == .listening(port: 4711))
        let stream = FakeStream()
        workspace.listener.arrive(stream, from: ("127.0.0.1", 999))
        let (opening, channel) = try await control.next()
        let expected = ServerChannelOpening.forwardedTCP(
            host: "localhost",
            port: 4711,
            originator: ForwardOrigin(host: "127.0.0.1", port: 999)
        )
        #expect(opening == expected)
        try stream.received.put(ByteBuffer(string: "from inside"))
        stream.received.end()
        #expect(try await channel.toClient.text() == "from inside")
        // By the port that was found, not by 0.
        #expect(await forwarder.cancelListen(.tcp(host: "localhost", port: 0)) == false)
        #expect(await forwarder.cancelListen(.tcp(host: "localhost", port: 4711)))
        #expect(await forwarder.cancelListen(.tcp(host: "localhost", port: 4711)) == false)
        #expect(workspace.listener.isClosed)
        #expect(stream.timesClosed == 0)
        await forwarder.close()
        #expect(stream.timesClosed == 1)
    }

    @Test("the same place twice is refused")
    func twice() async {
        let forwarder = await forwarder()
        let place = ForwardAddress.unixSocket(path: "/run/x")
        #expect(await forwarder.listen(place) == .listening(port: 4711))
        guard case .refused(let text) = await forwarder.listen(place) else {
            Issue.record("not refused")
            return
        }
        #expect(text.hasSuffix("[FORWARD_LISTEN_FAILED]"))
        await forwarder.close()
    }

    @Test("a place that does not listen in time is given up, and closed if it listens after all")
    func listenTimeout() async {
        workspace.listenIgnoresCancellation = true
        let forwarder = await forwarder { $0.connectTimeout = .milliseconds(20) }
        let listening = await forwarder.listen(.tcp(host: "localhost", port: 0))
        #expect(listening == .refused(text: "Nothing can listen there. [FORWARD_LISTEN_FAILED]"))
        #expect(codes == ["FORWARD_LISTEN_FAILED"])
        #expect(workspace.listener.isClosed)
    }

    @Test("a connection that the client refuses is closed, and the next one is brought to it")
    func refusedByClient() async throws {
        let forwarder = await forwarder()
        _ = await forwarder.listen(.unixSocket(path: "/run/x"))
        control.refusal = ChannelOpenRefused(reason: 2, text: "no")
        let unwanted = FakeStream()
        workspace.listener.arrive(unwanted, from: nil)
        // A fake stream fails its readers once it is closed.
        await #expect(throws: ChannelClosed.self) { _ = try await unwanted.received.take() }
        control.refusal = nil
        workspace.listener.arrive(FakeStream(), from: nil)
        _ = try await control.next()
        #expect(codes.contains("FORWARD_REFUSED_BY_CLIENT"))
        await forwarder.close()
    }

    @Test("a place that stops accepting by itself is given up, and told")
    func acceptFails() async {
        let forwarder = await forwarder()
        workspace.listener.fail(CodedError(.sandboxListenFailed))
        let place = ForwardAddress.unixSocket(path: "/run/x")
        #expect(await forwarder.listen(place) == .listening(port: 4711))
        await workspace.listener.untilClosed()
        #expect(codes.contains("FORWARD_ACCEPT_FAILED"))
        await forwarder.close()
    }

    @Test("one connection of an X11 display is all that was asked for")
    func singleConnection() async throws {
        let forwarder = await forwarder()
        let served = try await forwarder.serve(.agent, mostConnections: 1) { _ in .agent }
        #expect(served.environment.map(\.name) == ["WHERE"])
        let (one, two) = (FakeStream(), FakeStream())
        workspace.listener.arrive(one, from: nil)
        _ = try await control.next()
        await workspace.listener.untilClosed()
        workspace.listener.arrive(two, from: nil)
        #expect(control.count == 1)
        await forwarder.close()
    }

    @Test("the end of the connection ends listeners and connections, and none begins after it")
    func close() async throws {
        let forwarder = await forwarder()
        _ = await forwarder.listen(.unixSocket(path: "/run/x"))
        let stream = FakeStream()
        workspace.listener.arrive(stream, from: nil)
        _ = try await control.next()
        await forwarder.close()
        #expect(workspace.listener.isClosed)
        #expect(stream.timesClosed == 1)
        workspace.renewListener()
        guard case .refused = await forwarder.listen(.unixSocket(path: "/run/y")) else {
            Issue.record("listens after the end")
            return
        }
        #expect(workspace.listener.isClosed)
    }
}
