import GatewayCore
import NIOCore
import SharedMessages
import SharedSSH
import Synchronization

/// A backend whose one program is played by the test.
final class FakeBackend: Backend {
    static let name = "fake"
    static let requestCodes: RequestCodes? = RequestCodes(
        alreadyRunning: .dockerProgramAlreadyRunning,
        signalTooEarly: .dockerSignalFailedNoPid,
        notRunning: .dockerProgramNotRunning
    )

    let workspace = FakeWorkspace()
    /// Opening waits for this.
    let gate: Gate
    let failure: CodedError?

    init(gate: Gate = Gate(isOpen: true), failure: CodedError? = nil) {
        self.gate = gate
        self.failure = failure
    }

    func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace {
        progress("making a workspace")
        try await gate.wait()
        if let failure { throw failure }
        return workspace
    }
}

/// A door that the test opens.
actor Gate {
    private var isOpen: Bool
    private var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
    private var last = 0
    private(set) var wasCancelled = false

    init(isOpen: Bool = false) { self.isOpen = isOpen }

    func open() {
        isOpen = true
        for waiter in waiters.values { waiter.resume() }
        waiters = [:]
    }

    func wait() async throws {
        if isOpen { return }
        last += 1
        let id = last
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiters[id] = $0 }
        } onCancel: {
            Task { await self.cancel(id) }
        }
    }

    private func cancel(_ id: Int) {
        wasCancelled = true
        waiters.removeValue(forKey: id)?.resume(throwing: CancellationError())
    }
}

final class FakeWorkspace: Workspace {
    let label = "fake-1"
    private let state = Mutex(
        (requests: [ProgramRequest](), closed: 0, listener: FakeListener?.none)
    )
    let program = FakeProgram()

    /// Without one nothing can listen.
    var listener: FakeListener? {
        get { state.withLock { $0.listener } }
        set { state.withLock { $0.listener = newValue } }
    }

    var requests: [ProgramRequest] { state.withLock { $0.requests } }
    var timesClosed: Int { state.withLock { $0.closed } }

    func start(_ request: ProgramRequest) async throws -> any Program {
        state.withLock { $0.requests.append(request) }
        if case .subsystem(let name) = request.kind, name == "unknown" {
            throw CodedError(.dockerSubsystemNotSupported, detail: name.text)
        }
        return program
    }

    func putFile(_ file: WorkspaceFile) async throws {
        throw OperationUnsupported(operation: "putFile")
    }

    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream {
        throw OperationUnsupported(operation: "dial")
    }

    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        guard let listener else { throw OperationUnsupported(operation: "listen") }
        return listener
    }

    func close() async { state.withLock { $0.closed += 1 } }
}

/// A program whose output and end the test gives, and whose input it reads.
final class FakeProgram: Program {
    private let outputs: AsyncStream<ProgramOutput>
    private let output: AsyncStream<ProgramOutput>.Continuation
    private let exits: Gate
    private let state = Mutex(
        (
            input: "", inputEnded: false, signals: [String](), exit: ProgramExit.status(0),
            ended: 0, isDeaf: false
        )
    )

    init() {
        (outputs, output) = AsyncStream<ProgramOutput>.makeStream()
        exits = Gate()
    }

    /// Of the input that is told by `take`.
    let knowsInput = Mutex(false)
    var tellsInput: Bool { knowsInput.withLock { $0 } }

    func take(_ input: TypedInput) { output.yield(ProgramOutput(input)) }

    var input: String { state.withLock { $0.input } }
    var inputEnded: Bool { state.withLock { $0.inputEnded } }
    var signals: [String] { state.withLock { $0.signals } }
    var timesTerminated: Int { state.withLock { $0.ended } }

    func print(_ text: String, to stream: OutputStream = .stdout) {
        output.yield(ProgramOutput(stream: stream, bytes: ByteBuffer(string: text)))
    }

    func endOutput() { output.finish() }

    func stopReading() { state.withLock { $0.isDeaf = true } }

    func end(_ exit: ProgramExit) async {
        state.withLock { $0.exit = exit }
        await exits.open()
    }

    func nextOutput() async throws -> ProgramOutput? {
        var iterator = outputs.makeAsyncIterator()
        let next = await iterator.next()
        try Task.checkCancellation()
        return next
    }

    func write(_ bytes: ByteBuffer) async throws -> Bool {
        state.withLock { state in
            if !state.isDeaf { state.input += String(buffer: bytes) }
            return !state.isDeaf
        }
    }

    func closeOutput() async { output.finish() }

    func sendBreak(milliseconds: UInt32) async throws {
        state.withLock { $0.signals.append("BREAK \(milliseconds)") }
    }

    func closeInput() async { state.withLock { $0.inputEnded = true } }

    func resize(_ size: WindowSize) async throws {}

    func signal(_ name: String) async throws {
        state.withLock { $0.signals.append(name) }
    }

    func exit() async throws -> ProgramExit {
        try await exits.wait()
        return state.withLock { $0.exit }
    }

    func terminate() async {
        state.withLock { $0.ended += 1 }
        output.finish()
        await exits.open()
    }
}
