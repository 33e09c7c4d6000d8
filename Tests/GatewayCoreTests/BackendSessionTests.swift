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

/// Keeps what it is told.
private final class FakeInputWatch: InputWatch {
    private let state = Mutex<[String]>([])
    var told: [String] { state.withLock { $0 } }

    func begin() { state.withLock { $0.append("begin") } }

    func took(_ input: TypedInput) {
        state.withLock { $0.append("\(input.count) \(input.isHidden ? "hidden" : "shown")") }
    }
}

@Suite("A session on a workspace")
struct BackendSessionTests {
    private let channel = FakeChannel()
    private let holder = WorkspaceHolder()

    private func session(_ backend: FakeBackend) async -> BackendSession {
        await session(backend, on: channel, Logger(label: "test"))
    }

    private func session(
        _ backend: FakeBackend,
        on channel: FakeChannel,
        _ logger: Logger
    ) async -> BackendSession {
        let request = WorkspaceRequest(
            connectionID: String(repeating: "0", count: 32),
            username: "dev",
            authenticatedUsername: "dev",
            remoteAddress: "127.0.0.1",
            carried: ConnectionMetadata(),
            eventLoop: channel.eventLoop
        )
        await holder.open(backend, request) { _ in }
        let state = ConnectionState(
            connectionID: request.connectionID,
            remoteAddress: RemoteAddress(host: "127.0.0.1", port: 1),
            eventLoop: channel.eventLoop
        )
        return BackendSession(
            channel: channel,
            holder: holder,
            forwarder: Forwarder(
                state: state,
                holder: holder,
                control: FakeControl(),
                logger: logger
            ),
            exposed: [],
            showsCommands: true,
            logger: logger
        )
    }

    @Test("a command's output, end of output, status and close arrive in this order")
    func orderOfTheEnd() async {
        let backend = FakeBackend()
        let session = await session(backend)
        #expect(await session.handle(.exec(command: "true")))
        backend.workspace.program.print("out")
        backend.workspace.program.print("err", to: .stderr)
        backend.workspace.program.endOutput()
        await backend.workspace.program.end(.status(7))
        await channel.untilClosed()
        #expect(
            channel.sent == [
                .data(.stdout, "out"), .data(.stderr, "err"), .eof, .exit(.status(7)), .close,
            ]
        )
    }

    @Test("a second program on the same channel is refused")
    func oneProgram() async {
        let session = await session(FakeBackend())
        #expect(await session.handle(.shell))
        #expect(await session.handle(.exec(command: "true")) == false)
        await session.closed()
    }

    @Test("environment and terminal are refused once the program runs")
    func settingsComeFirst() async {
        let session = await session(FakeBackend())
        #expect(await session.handle(.environment(name: "LANG", value: "C")))
        #expect(await session.handle(.shell))
        #expect(await session.handle(.environment(name: "LANG", value: "C")) == false)
        let pty = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
        #expect(await session.handle(.pty(pty)) == false)
        await session.closed()
    }

    @Test("signals and window changes are refused before there is a program")
    func signalsNeedAProgram() async {
        let session = await session(FakeBackend())
        #expect(await session.handle(.signal(name: "TERM")) == false)
        #expect(await session.handle(.windowChange(WindowSize(columns: 1, rows: 1))) == false)
    }

    @Test(
        "who watches the input is told, or the log says that nobody can tell",
        arguments: [true, false]
    )
    func watchedInput(isKnown: Bool) async {
        let watch = FakeInputWatch()
        let channel = FakeChannel(inputWatch: watch)
        let backend = FakeBackend()
        let program = backend.workspace.program
        program.knowsInput.withLock { $0 = isKnown }
        let log = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in log }
        let session = await session(backend, on: channel, logger)
        let pty = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
        #expect(await session.handle(.pty(pty)))
        #expect(await session.handle(.shell))
        if isKnown { program.take(TypedInput(count: 2, isHidden: true)) }
        program.endOutput()
        await program.end(.status(0))
        await channel.untilClosed()
        #expect(watch.told == (isKnown ? ["begin", "2 hidden"] : []))
        let codes = log.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
        #expect(codes.contains("RECORDING_ECHO_UNKNOWN") != isKnown)
    }

    @Test("requests at the wrong time are told in the backend's codes")
    func wrongTimes() async {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = .trace
        func codes() -> [String] {
            handler.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
                .filter { $0.hasPrefix("DOCKER_") }
        }
        let backend = FakeBackend()
        let session = await session(backend, on: channel, logger)
        #expect(await session.handle(.signal(name: "TERM")) == false)
        #expect(codes() == [MessageCode.dockerSignalFailedNoPid.id])
        #expect(await session.handle(.shell))
        #expect(await session.handle(.environment(name: "LANG", value: "C")) == false)
        #expect(await session.handle(.exec(command: "true")) == false)
        let running = MessageCode.dockerProgramAlreadyRunning.id
        #expect(codes().dropFirst() == [running, running])
        backend.workspace.program.endOutput()
        await backend.workspace.program.end(.status(0))
        await channel.untilClosed()
        #expect(await session.handle(.signal(name: "TERM")) == false)
        #expect(codes().last == MessageCode.dockerProgramNotRunning.id)
    }

    @Test("end of input ends the program's input and nothing else")
    func halfClose() async {
        let backend = FakeBackend()
        let program = backend.workspace.program
        let session = await session(backend)
        #expect(await session.handle(.exec(command: "cat")))
        channel.type("abc")
        channel.endInput()
        await until { program.inputEnded }
        #expect(program.input == "abc")
        #expect(program.timesTerminated == 0)
        program.endOutput()
        await program.end(.status(0))
        await channel.untilClosed()
        #expect(channel.sent.last == .close)
    }

    @Test("a failed workspace is explained on stderr and ends with status 255")
    func failureIsExplained() async {
        let failure = CodedError(.sshBackendRejectedHandshake, personText: "No room.")
        let session = await session(FakeBackend(failure: failure))
        #expect(await session.handle(.exec(command: "true")))
        #expect(
            channel.sent == [
                .data(.stderr, "No room. [SSH_BACKEND_REJECTED_HANDSHAKE]\n"), .eof,
                .exit(.status(255)), .close,
            ]
        )
    }

    @Test("an unknown subsystem is refused, and the channel may run something else")
    func unknownSubsystem() async {
        let session = await session(FakeBackend())
        #expect(await session.handle(.subsystem(name: "unknown")) == false)
        #expect(await session.handle(.exec(command: "true")))
        await session.closed()
    }

    @Test("a channel that the client drops gets its program hung up and then terminated")
    func droppedChannel() async {
        let backend = FakeBackend()
        let session = await session(backend)
        #expect(await session.handle(.shell))
        channel.drop()
        await session.closed()
        #expect(backend.workspace.program.signals == ["HUP"])
        #expect(backend.workspace.program.timesTerminated > 0)
    }

    @Test("a terminal that children hold open ends soon after its program")
    func terminalDoesNotHang() async {
        let backend = FakeBackend()
        let session = await session(backend)
        let pty = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
        #expect(await session.handle(.pty(pty)))
        #expect(await session.handle(.shell))
        await backend.workspace.program.end(.status(0))
        await channel.untilClosed()
        #expect(channel.sent.contains(.exit(.status(0))))
    }

    @Test("a person at a terminal sees what they wait for")
    func progressIsShown() async {
        let gate = Gate()
        let backend = FakeBackend(gate: gate)
        let session = await session(backend)
        let pty = PTYRequest(term: "xterm", size: WindowSize(columns: 80, rows: 24))
        #expect(await session.handle(.pty(pty)))
        async let started = session.handle(.shell)
        await gate.open()
        #expect(await started)
        await session.closed()
    }
}

@Suite("What a session does beside its program")
struct SessionExtrasTests {
    private let channel = FakeChannel()
    private let workspace = FakeForwardWorkspace()
    private let control = ChannelGiver()

    private func session(_ backend: any Backend) async -> BackendSession {
        let holder = WorkspaceHolder()
        let request = WorkspaceRequest(
            connectionID: String(repeating: "0", count: 32),
            username: "dev",
            authenticatedUsername: "dev",
            remoteAddress: "127.0.0.1",
            carried: ConnectionMetadata(),
            eventLoop: channel.eventLoop
        )
        await holder.open(backend, request) { _ in }
        let state = ConnectionState(
            connectionID: request.connectionID,
            remoteAddress: RemoteAddress(host: "127.0.0.1", port: 1),
            eventLoop: channel.eventLoop
        )
        state.update { $0.userConfig = UserConfig() }
        let logger = Logger(label: "test")
        return BackendSession(
            channel: channel,
            holder: holder,
            forwarder: Forwarder(state: state, holder: holder, control: control, logger: logger),
            exposed: [],
            showsCommands: true,
            logger: logger
        )
    }

    private static let display = SessionRequest.x11(
        X11Request(
            isSingleConnection: true,
            protocolName: "MIT-MAGIC-COOKIE-1",
            cookie: "00",
            screen: 0
        )
    )

    @Test("a display and an agent are there for the program, once each, and end with the session")
    func displayAndAgent() async throws {
        let session = await session(OneWorkspace(workspace))
        #expect(await session.handle(Self.display))
        #expect(await session.handle(Self.display) == false)
        let display = workspace.listener
        workspace.renewListener()
        #expect(await session.handle(.agentForwarding))
        #expect(await session.handle(.agentForwarding) == false)
        #expect(workspace.places.map(\.kind) == ["x11", "agent"])
        // One connection was all that the client wanted of its display.
        display.arrive(FakeStream(), from: nil)
        #expect(
            try await control.next().opening
                == .x11(originator: ForwardOrigin(host: "127.0.0.1", port: 0))
        )
        await display.untilClosed()
        await session.closed()
        #expect(workspace.listener.isClosed)
    }

    @Test("a display that the backend does not have is refused, and may be asked for again")
    func noDisplay() async {
        workspace.failure = OperationUnsupported(operation: "listen")
        let session = await session(OneWorkspace(workspace))
        #expect(await session.handle(Self.display) == false)
        #expect(await session.handle(.agentForwarding) == false)
        workspace.failure = nil
        #expect(await session.handle(Self.display))
        await session.closed()
    }

    @Test("what the listener tells reaches the program, and comes too late once it runs")
    func environment() async throws {
        let backend = FakeBackend()
        backend.workspace.listener = FakeListener()
        let session = await session(backend)
        #expect(await session.handle(.agentForwarding))
        #expect(await session.handle(.exec(command: "true")))
        let variables = backend.workspace.requests.first?.environment.map {
            "\($0.name)=\($0.value)"
        }
        #expect(variables == ["WHERE=here"])
        #expect(await session.handle(Self.display) == false)
        await session.closed()
    }

    @Test("a client is told once that the program reads no more")
    func endOfWrite() async {
        let backend = FakeBackend()
        backend.workspace.program.stopReading()
        let session = await session(backend)
        #expect(await session.handle(.exec(command: "true")))
        channel.type("into the void")
        await until { channel.sent.contains(.endOfWrite) }
        await session.closed()
    }

    @Test("a client that reads no more ends the program's output")
    func clientReadsNoMore() async {
        let backend = FakeBackend()
        let session = await session(backend)
        #expect(await session.handle(.exec(command: "true")))
        #expect(await session.handle(.endOfWrite))
        await backend.workspace.program.end(.status(0))
        await channel.untilClosed()
        #expect(channel.sent == [.eof, .exit(.status(0)), .close])
    }

    @Test("a break reaches the program, with its length")
    func sendBreak() async {
        let backend = FakeBackend()
        let session = await session(backend)
        #expect(await session.handle(.breakSignal(milliseconds: 500)) == false)
        #expect(await session.handle(.exec(command: "true")))
        #expect(await session.handle(.breakSignal(milliseconds: 500)))
        #expect(backend.workspace.program.signals == ["BREAK 500"])
        await session.closed()
    }

    @Test("a malformed request is refused")
    func malformed() async {
        let session = await session(FakeBackend())
        let request = SessionRequest.malformed(type: "exec", payload: ByteBuffer())
        #expect(await session.handle(request) == false)
    }
}

@Suite("The holder of a workspace")
struct WorkspaceHolderTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    private var request: WorkspaceRequest {
        WorkspaceRequest(
            connectionID: String(repeating: "0", count: 32),
            username: "dev",
            authenticatedUsername: "",
            remoteAddress: "::1",
            carried: ConnectionMetadata(),
            eventLoop: loop
        )
    }

    @Test("closing while the backend works cancels it and removes what it made")
    func closeWhileOpening() async {
        let gate = Gate()
        let holder = WorkspaceHolder()
        await holder.open(FakeBackend(gate: gate), request) { _ in }
        await holder.close()
        #expect(await gate.wasCancelled)
        await #expect(throws: CodedError.self) { try await holder.workspace() }
    }

    @Test("closing removes an open workspace once")
    func closeRemoves() async throws {
        let backend = FakeBackend()
        let holder = WorkspaceHolder()
        await holder.open(backend, request) { _ in }
        _ = try await holder.workspace()
        await holder.close()
        await holder.close()
        #expect(backend.workspace.timesClosed == 1)
    }

    @Test("a waiter that is cancelled stops waiting and leaves the opening alone")
    func cancelledWaiter() async throws {
        let gate = Gate()
        let backend = FakeBackend(gate: gate)
        let holder = WorkspaceHolder()
        await holder.open(backend, request) { _ in }
        let waiter = Task { try await holder.workspace() }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        await gate.open()
        #expect(try await holder.workspace().label == "fake-1")
        await holder.close()
    }
}

/// Waits, giving up the thread in between, until `condition` holds or 90 s are over.
func until(_ condition: @Sendable () -> Bool) async {
    let deadline = ContinuousClock.now + .seconds(90)
    while !condition(), ContinuousClock.now < deadline {
        try? await Task.sleep(for: .milliseconds(2))
    }
    #expect(condition())
}
