import Logging
import NIOCore
import SharedLogging
import SharedMessages
import SharedSSH
import SharedTracing

/// One session channel: collects its settings, runs its program, carries the bytes.
///
/// Lives on the connection's event loop, as the channel and the program's pipes do, so that bytes
/// change no thread on their way.
actor BackendSession: SessionHandler {
    /// How long output may still come from a terminal whose program has ended while children
    /// hold it open. Without a terminal there is no limit, as with OpenSSH.
    private static let drainTime = Duration.seconds(1)
    /// How long a program may clean up after HUP when its channel is gone.
    private static let hangUpTime = Duration.seconds(2)

    private nonisolated let channel: any SessionChannel
    private let tasks: LoopTaskExecutor
    private let holder: WorkspaceHolder
    private let forwarder: Forwarder
    private let logger: Logger
    private var lifecycle = ProgramLifecycle()
    private var environment: [(name: String, value: RawText)]
    private var pty: PTYRequest?
    private var program: (any Program)?
    private var running: Task<Void, Never>?
    private let showsCommands: Bool
    private var events: ProgramEvents?
    /// Places where the session's programs reach the client, by the forwarder's numbers.
    private var places: [UInt64] = []
    private var hasDisplay = false
    private var hasAgent = false
    /// Called once, when the first program has sent something.
    private var onOutput: (@Sendable () -> Void)?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The channel, which this actor holds, keeps the loop alive.
        unsafe channel.eventLoop.executor.asUnownedSerialExecutor()
    }

    init(
        channel: any SessionChannel,
        holder: WorkspaceHolder,
        forwarder: Forwarder,
        exposed: [(name: String, value: RawText)],
        showsCommands: Bool,
        logger: Logger,
        onOutput: @escaping @Sendable () -> Void = {}
    ) {
        self.onOutput = onOutput
        self.channel = channel
        tasks = LoopTaskExecutor(channel.eventLoop)
        self.holder = holder
        self.forwarder = forwarder
        self.environment = exposed
        self.showsCommands = showsCommands
        var logger = logger
        logger[metadataKey: "channelId"] = "\(channel.id)"
        self.logger = logger
    }

    func handle(_ request: SessionRequest) async -> Bool {
        logger.emit(.sshChannelRequest, ["RequestType": "\(request.typeName)"])
        let isAccepted = await answer(request)
        logger.emit(
            isAccepted ? .sshChannelRequestSuccessful : .sshChannelRequestFailed,
            ["RequestType": "\(request.typeName)"]
        )
        return isAccepted
    }

    func closed() async {
        for place in places { await forwarder.end(place) }
        if let program {
            // As a terminal line that drops: HUP, a moment to react, then the end (terminate).
            try? await program.signal("HUP")  // A program that is gone already needs no signal.
            await waitForExit(of: program, atMost: Self.hangUpTime)
        }
        running?.cancel()
        await running?.value
        await program?.terminate()
    }

    // MARK: - Requests

    private func answer(_ request: SessionRequest) async -> Bool {
        switch request {
        case .environment(let name, let value):
            guard lifecycle.canPrepare else { return await isLate(request) }
            environment.append((name, value))
            return true
        case .pty(let terminal):
            guard lifecycle.canPrepare else { return await isLate(request) }
            pty = terminal
            return true
        case .shell: return await start(.shell, request)
        case .exec(let command): return await start(.exec(command), request)
        case .subsystem(let name): return await start(.subsystem(name), request)
        case .windowChange(let size): return await toProgram(request) { try await $0.resize(size) }
        case .signal(let name): return await toProgram(request) { try await $0.signal(name) }
        case .x11(let request): return await forwardDisplay(request)
        case .agentForwarding: return await forwardAgent()
        case .breakSignal(let time):
            return await toProgram(request) { try await $0.sendBreak(milliseconds: time) }
        case .endOfWrite:
            await program?.closeOutput()
            return true
        case .unsupported: return false
        case .malformed(let type, _):
            logger.emit(.sshDecodeFailed, ["RequestType": "\(type)"])
            return false
        }
    }

    /// Refuses what is only possible before there is a program.
    private func isLate(_ request: SessionRequest) async -> Bool {
        await report(request) { $0.alreadyRunning }
        return false
    }

    /// Refuses what is only possible while a program runs.
    private func hasNoProgram(_ request: SessionRequest) async -> Bool {
        let hasEnded = lifecycle.hasEnded
        var isSignal = false
        if case .signal = request { isSignal = true }
        guard hasEnded || isSignal else { return false }
        await report(request) { hasEnded ? $0.notRunning : $0.signalTooEarly }
        return false
    }

    private func report(
        _ request: SessionRequest,
        _ code: (RequestCodes) -> MessageCode
    ) async {
        guard let codes = await holder.requestCodes else { return }
        logger.emit(code(codes), ["RequestType": "\(request.typeName)"])
    }

    private func toProgram(
        _ request: SessionRequest,
        _ action: (any Program) async throws -> Void
    ) async -> Bool {
        guard lifecycle.isRunning, let program else { return await hasNoProgram(request) }
        do {
            try await action(program)
            return true
        } catch {
            logger.emit(.gatewayProgramControlFailed, ["reason": "\(error)"])
            return false
        }
    }

    // MARK: - The client's display and agent

    /// Programs learn of it when they start: afterwards it is too late.
    private func forwardDisplay(_ request: X11Request) async -> Bool {
        guard lifecycle.canPrepare, !hasDisplay else { return false }
        hasDisplay = true
        hasDisplay = await forward(
            .x11(request),
            mostConnections: request.isSingleConnection ? 1 : .max
        ) { .x11(originator: $0.origin) }
        return hasDisplay
    }

    private func forwardAgent() async -> Bool {
        guard lifecycle.canPrepare, !hasAgent else { return false }
        hasAgent = true
        hasAgent = await forward(.agent) { _ in .agent }
        return hasAgent
    }

    private func forward(
        _ place: ListenPlace,
        mostConnections: Int = .max,
        opening: @escaping ForwardTable.Opening
    ) async -> Bool {
        do {
            let served = try await forwarder.serve(
                place,
                mostConnections: mostConnections,
                opening: opening
            )
            places.append(served.number)
            environment += served.environment.map { (name: $0.name, value: RawText($0.value)) }
            return true
        } catch {
            let code = ForwardFailure.code(of: error, fallback: .forwardListenFailed)
            logger.emit(code, ["reason": "\(error)", "place": "\(place.kind)"])
            return false
        }
    }

    // MARK: - Start

    private func start(_ kind: ProgramRequest.Kind, _ request: SessionRequest) async -> Bool {
        guard lifecycle.startRequested() else { return await isLate(request) }
        do {
            let workspace = try await waitForWorkspace()
            let watch = pty == nil ? nil : channel.inputWatch
            let request = ProgramRequest(
                kind: kind,
                environment: environment,
                pty: pty,
                watchesInput: watch != nil
            )
            let program = try await workspace.start(request)
            self.program = program
            if program.tellsInput {
                watch?.begin()
            } else if watch != nil {
                logger.emit(.recordingEchoUnknown)
            }
            events = ProgramEvents(request, showsCommand: showsCommands, logger: logger)
            lifecycle.started()
            running = Task(executorPreference: tasks) { await self.run(program) }
            return true
        } catch {
            return await startFailed(error, kind)
        }
    }

    /// Waits for the workspace; a person at a terminal sees what it is waiting for.
    private func waitForWorkspace() async throws -> any Workspace {
        guard pty != nil else { return try await holder.workspace() }
        let lines = await holder.progress()
        let shown = Task {
            for await line in lines { await self.show(line) }
        }
        defer { shown.cancel() }
        return try await holder.workspace()
    }

    /// Says why on the channel's stderr. A shell or command then "ran" with status 255, as ssh(1)
    /// reports its own errors; a subsystem is refused, which its client understands.
    private func startFailed(_ error: any Error, _ kind: ProgramRequest.Kind) async -> Bool {
        lifecycle.startFailed()
        if error is CancellationError { return false }
        let coded = error as? CodedError
        logger.emit(.gatewayProgramStartFailed, ["reason": "\(error)"])
        await show(personText(coded?.code ?? .gatewayProgramStartFailed, coded?.personText))
        if case .subsystem = kind { return false }
        lifecycle.ended()
        await finish(.status(255))
        return true
    }

    private func show(_ line: String) async {
        let end = pty == nil ? "\n" : "\r\n"
        let bytes = ByteBuffer(string: line + end)
        // The channel may have gone meanwhile: then there is nobody left to tell.
        try? await channel.write(bytes, to: pty == nil ? .stderr : .stdout)
    }

    // MARK: - The running program

    private enum Step: Sendable {
        case outputEnded
        case exited(ProgramExit)
        case drainTimeOver
    }

    private func run(_ program: any Program) async {
        let input = Task(executorPreference: tasks) { await self.carryInput(to: program) }
        let exit = await outputAndExit(of: program)
        input.cancel()
        lifecycle.ended()
        await finish(exit)
        await program.terminate()
        await input.value
        self.program = nil
    }

    /// Carries the output until it ends, and learns how the program ended.
    private func outputAndExit(of program: any Program) async -> ProgramExit {
        let hasTerminal = pty != nil
        return await withTaskGroup(of: Step.self) { group in
            group.addTask { await self.carryOutput(of: program) }
            group.addTask { await self.exit(of: program) }
            var exit: ProgramExit?
            var outputEnded = false
            while exit == nil || !outputEnded, let step = await group.next() {
                switch step {
                case .outputEnded:
                    outputEnded = true
                case .exited(let how):
                    exit = how
                    if hasTerminal && !outputEnded { group.addTask { await Self.drainTimer() } }
                case .drainTimeOver:
                    outputEnded = true
                }
            }
            group.cancelAll()
            return exit ?? .status(255)
        }
    }

    private func carryOutput(of program: any Program) async -> Step {
        do {
            while let output = try await program.nextOutput() {
                if let input = output.input {
                    try await channel.inputWatch?.took(input)
                } else {
                    try await channel.write(output.bytes, to: output.stream)
                    if let first = onOutput {
                        onOutput = nil
                        first()
                    }
                }
            }
        } catch is ChannelClosed {
            await program.terminate()
        } catch is CancellationError {
            return .outputEnded
        } catch {
            logger.emit(.gatewayStreamFailed, ["reason": "\(error)", "stream": "output"])
        }
        return .outputEnded
    }

    private func carryInput(to program: any Program) async {
        do {
            while let bytes = try await channel.read() {
                if try await !program.write(bytes) { await channel.sendEndOfWrite() }
            }
            await program.closeInput()
        } catch is ChannelClosed {
            return
        } catch is CancellationError {
            return
        } catch {
            logger.emit(.gatewayStreamFailed, ["reason": "\(error)", "stream": "input"])
        }
    }

    private func exit(of program: any Program) async -> Step {
        do {
            return .exited(try await program.exit())
        } catch is CancellationError {
            return .exited(.status(255))
        } catch {
            logger.emit(.gatewayExitUnknown, ["reason": "\(error)"])
            if let coded = error as? CodedError {
                await show(personText(coded.code, coded.personText))
            }
            return .exited(.status(255))
        }
    }

    private static func drainTimer() async -> Step {
        try? await Task.sleep(for: drainTime)  // Cancelled when the output ends by itself.
        return .drainTimeOver
    }

    private func finish(_ exit: ProgramExit) async {
        logger.emitExit(exit)
        Span.current?.ended(exit)
        events?.ended(exit)
        await channel.sendEOF()
        await channel.sendExit(exit)
        await channel.close()
    }

    private func waitForExit(of program: any Program, atMost time: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            // Not to be learned is as good as over: terminate() follows.
            group.addTask { _ = try? await program.exit() }
            // Cancelled when the program ends in time.
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
    }
}

extension Span {
    fileprivate func ended(_ exit: ProgramExit) {
        switch exit {
        case .status(let code): set(.exitCode, .integer(Int(code)))
        case .signal(let name, _, _): set(.exitSignal, .string(name))
        }
    }
}

extension Logger {
    fileprivate func emitExit(_ exit: ProgramExit) {
        switch exit {
        case .status(let code):
            emit(.sshExit, ["exitCode": "\(code)"])
        case .signal(let name, let coreDumped, _):
            emit(.sshExitSignal, ["signal": "\(name)", "coreDumped": "\(coreDumped)"])
        }
    }
}
