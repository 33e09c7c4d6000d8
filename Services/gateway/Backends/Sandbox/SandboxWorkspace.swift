import CProcess
import GatewayCore
import Logging
import NIOCore
import SharedConfig
import SharedLogging
import SharedMessages
import SharedSSH
import SharedWaiting
import Synchronization
import SharedSystem

/// One connection's sandbox.
final class SandboxWorkspace: Workspace {
    let label: String
    private let config: SandboxConfig
    private let account: Account
    private let environment: [(name: String, value: String)]
    private let holder: Holder
    private let loop: any EventLoop
    private let programs = Mutex<[UInt32: SandboxProgram]>([:])
    private let listeners = Mutex<[ObjectIdentifier: SandboxListener]>([:])
    /// Frees what the sandbox has outside of its namespaces; `false` if something is still there.
    private let release: @Sendable () async -> Bool
    private let closing = Mutex<Task<Void, Never>?>(nil)
    private let logger: Logger

    init(
        request: WorkspaceRequest,
        config: SandboxConfig,
        account: Account,
        holder: Holder,
        logger: Logger,
        release: @escaping @Sendable () async -> Bool
    ) {
        label = "sandbox-" + request.connectionID.prefix(12)
        self.config = config
        self.account = account
        environment = ProgramEnvironment.standing(request, config, account)
        self.holder = holder
        loop = request.eventLoop
        var logger = logger
        logger[metadataKey: "connectionId"] = "\(request.connectionID)"
        self.logger = logger
        self.release = release
    }

    /// Waits until programs can be started.
    func isReady(within limit: Duration) async throws {
        try await holder.ready.value(within: limit, late: CodedError(.sandboxStartTimeout))
    }

    // MARK: - Programs

    func start(_ request: ProgramRequest) async throws -> any Program {
        let command = try ProgramCommand(request.kind, config)
        let payload = StartPayload(
            folder: account.home,
            file: command.file,
            arguments: command.arguments,
            environment: ProgramEnvironment.merged(
                base: environment,
                request: request
            ),
            terminal: request.pty
        )
        do {
            let program = try await start(payload, watchesInput: request.watchesInput)
            forgetEnded(adding: program)
            return program
        } catch let error as SystemFailure {
            throw CodedError(.sandboxProgramStartFailed, detail: error.description, cause: error)
        }
    }

    private func start(
        _ payload: StartPayload,
        watchesInput: Bool
    ) async throws -> SandboxProgram {
        let file = try Descriptor.memoryFile(payload.bytes)
        guard payload.terminal == nil else {
            return try await startWithTerminal(file, watchesInput)
        }
        let capacity = ProgramStreams.pipeCapacity
        let (input, output, errors) = (
            try Descriptor.pipe(capacity: capacity), try Descriptor.pipe(capacity: capacity),
            try Descriptor.pipe(capacity: capacity)
        )
        let theirs = [input.reader, output.writer, errors.writer]
        let launch = try holder.launch(payload: file, streams: theirs)
        theirs.forEach { $0.close() }
        return try await running(launch) { _ in
            try await ProgramStreams.pipes(
                input: input.writer,
                output: output.reader,
                errors: errors.reader,
                on: loop
            )
        }
    }

    private func startWithTerminal(
        _ file: Descriptor,
        _ watchesInput: Bool
    ) async throws -> SandboxProgram {
        let launch = try holder.launch(payload: file, streams: [])
        return try await running(launch, watchesInput: watchesInput) { terminal in
            guard let terminal else { throw CodedError(.sandboxProgramStartFailed) }
            return try await ProgramStreams.terminal(terminal, on: loop)
        }
    }

    /// Waits until the program runs; one that starts too late, or for nobody, is killed.
    private func running(
        _ launch: Holder.Launch,
        watchesInput: Bool = false,
        _ streams: (Descriptor?) async throws -> ProgramStreams
    ) async throws -> SandboxProgram {
        do {
            let terminal = try await launch.started.value(
                within: config.timeouts.commandStart,
                late: CodedError(.sandboxProgramStartFailed, detail: "not started in time")
            )
            return SandboxProgram(
                holder: holder,
                launch: launch,
                streams: try await streams(terminal),
                terminal: terminal,
                tellsInput: watchesInput
            )
        } catch {
            try? holder.signal(launch.id, SignalNames.kill)  // Else there is nothing to kill.
            throw error
        }
    }

    /// Keeps a program for the end of the workspace, and no longer than it lives.
    private func forgetEnded(adding program: SandboxProgram) {
        programs.withLock { programs in
            programs = programs.filter { !$0.value.isOver }
            programs[program.id] = program
        }
    }

    // MARK: - Files and streams

    func putFile(_ file: WorkspaceFile) async throws {
        var header = berth_put_file()
        header.mode = file.mode
        header.path_length = UInt32(file.path.utf8.count)
        var bytes = unsafe withUnsafeBytes(of: header) { unsafe Array($0) }
        bytes += Array(file.path.utf8) + [0] + file.content
        do {
            let job = try holder.putFile(payload: try Descriptor.memoryFile(bytes))
            _ = try await holder.result(
                of: job,
                within: config.timeouts.commandStart,
                late: CodedError(.sandboxFileFailed, detail: "\(file.path): not written in time")
            )
        } catch let error as SystemFailure {
            throw CodedError(.sandboxFileFailed, detail: file.path, cause: error)
        }
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        guard case .tcp(let host, let port) = destination else {
            return try await connect(destination)
        }
        let network: DialNetwork = config.network == .host ? .gateway : .workspace
        let addresses = try permission.permitted(try await addresses(of: host), from: network)
        var failure: any Error = CodedError(.sandboxDialFailed)
        for address in addresses {
            do {
                return try await connect(.tcp(host: address.description, port: port))
            } catch {
                if Task.isCancelled { throw error }
                failure = error
            }
        }
        throw failure
    }

    /// A sandbox with a network of its own knows only itself; on the host's network the machine's
    /// name service is asked, once.
    private func addresses(of host: String) async throws -> [IPAddress] {
        if let address = IPAddress(host) { return [address] }
        let isItself = ["", "localhost", config.hostname].contains(host.lowercased())
        if isItself, config.network == .none { return [.loopback4, .loopback6] }
        let found = config.network == .host ? try await NameLookup.addresses(of: host) : []
        guard found.isEmpty else { return found }
        throw CodedError(
            .sandboxDialFailed,
            detail: "\(host) has no address",
            personText: "The name of the target is not known."
        )
    }

    /// To an address, or a socket's path, as the sandbox's first process sees it.
    private func connect(_ destination: DialDestination) async throws -> any WorkspaceStream {
        do {
            let job = try holder.dial(payload: try Descriptor.memoryFile(destination.payload))
            let yield = try await holder.result(
                of: job,
                within: config.timeouts.commandStart,
                late: CodedError(.sandboxDialFailed, detail: "no answer in time")
            )
            guard let socket = yield.descriptors.first else {
                throw CodedError(.sandboxDialFailed)
            }
            return try await SandboxStream.over(socket, on: loop)
        } catch let error as SystemFailure {
            throw CodedError(.sandboxDialFailed, detail: error.description, cause: error)
        }
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        let plan = try ListenPlan(place, config)
        do {
            let job = try holder.listen(payload: try Descriptor.memoryFile(plan.payload))
            let yield = try await holder.result(
                of: job,
                within: config.timeouts.commandStart,
                late: CodedError(.sandboxListenFailed, detail: "no answer in time")
            )
            return try await listener(plan, yield)
        } catch let error as SystemFailure {
            throw CodedError(.sandboxListenFailed, detail: error.description, cause: error)
        }
    }

    private func listener(_ plan: ListenPlan, _ yield: Holder.Yield) async throws -> SandboxListener
    {
        let listener = SandboxListener(
            port: plan.port(yield.value),
            environment: plan.environment(yield.value),
            on: loop
        ) { [weak self] listener in
            await self?.ended(listener, at: plan.socketPath(yield.value))
        }
        listeners.withLock { $0[ObjectIdentifier(listener)] = listener }
        do {
            try await listener.open(yield.descriptors)
            if let file = plan.authority(yield.value) { try await putFile(file) }
            // Who closes the workspace closes the listeners that it finds.
            guard closing.withLock({ $0 == nil }) else { throw CodedError(.sandboxEnded) }
            return listener
        } catch {
            await listener.close()
            throw error
        }
    }

    /// Removes what a listener leaves behind.
    private func ended(_ listener: SandboxListener, at path: String?) async {
        _ = listeners.withLock { $0.removeValue(forKey: ObjectIdentifier(listener)) }
        guard let path, closing.withLock({ $0 == nil }) else { return }
        // A file that cannot be removed is in the way of nobody but who uses its name again.
        _ = try? holder.remove(payload: try Descriptor.memoryFile(Array(path.utf8) + [0]))
    }

    // MARK: - End

    func close() async {
        let task = closing.withLock { closing in
            let task = closing ?? Task { await self.finish() }
            closing = task
            return task
        }
        await task.value
    }

    private func finish() async {
        holder.close()
        let open = programs.withLock { programs in
            defer { programs = [:] }
            return Array(programs.values)
        }
        for program in open { await program.terminate() }
        for listener in listeners.withLock({ Array($0.values) }) { await listener.close() }
        if await !isGone(within: config.timeouts.stop / 2) {
            holder.kill()
            if await !isGone(within: config.timeouts.stop / 2) {
                return logger.emit(.sandboxStopTimeout)
            }
        }
        if await release() { logger.emit(.sandboxClosed) }
    }

    private func isGone(within limit: Duration) async -> Bool {
        do {
            try await holder.gone.value(within: limit, late: CancellationError())
            return true
        } catch {
            return false
        }
    }
}
