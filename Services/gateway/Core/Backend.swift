package import NIOCore
package import SharedMessages
package import SharedModels
package import SharedSSH

/// Where people's programs run: a sandbox here, a Docker engine, …
///
/// One instance serves all connections that use the same effective configuration of it.
package protocol Backend: Sendable {
    /// The word after `backend:` in the configuration.
    static var name: String { get }

    /// What the log has to say, in the backend's own codes, about requests of a session that come
    /// at the wrong time; the client is refused in any case. `nil`: nothing.
    static var requestCodes: RequestCodes? { get }

    /// What kind of failure an error of `openWorkspace` is, as a label of the metrics: a word of a
    /// small set, or `nil` where the backend tells no kinds apart.
    static func failureKind(of error: any Error) -> String?

    /// Makes a workspace for one connection.
    ///
    /// `progress` gets short lines that the person may see while they wait. What throws is a
    /// `CodedError` with a text for the person; whatever was made until then is removed before the
    /// error leaves, also on cancellation.
    func openWorkspace(
        _ request: WorkspaceRequest,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> any Workspace
}

extension Backend {
    package static var requestCodes: RequestCodes? { nil }

    package static func failureKind(of error: any Error) -> String? { nil }
}

/// A backend's codes for requests of a session that come too early or too late.
package struct RequestCodes: Sendable {
    /// A setting or another program, once a program was asked for.
    package var alreadyRunning: MessageCode
    /// A signal before the program runs.
    package var signalTooEarly: MessageCode
    /// A signal or a window change once the program has ended.
    package var notRunning: MessageCode

    package init(
        alreadyRunning: MessageCode,
        signalTooEarly: MessageCode,
        notRunning: MessageCode
    ) {
        self.alreadyRunning = alreadyRunning
        self.signalTooEarly = signalTooEarly
        self.notRunning = notRunning
    }
}

/// Whom a workspace is for.
package struct WorkspaceRequest: Sendable {
    /// 32 lower-case hexadecimal digits.
    package var connectionID: String
    /// The login name.
    package var username: String
    /// The verified identity, empty where the webhook named none.
    package var authenticatedUsername: String
    /// The client's IP address without port.
    package var remoteAddress: String
    package var carried: ConnectionMetadata
    /// The connection's loop; pipes and sockets of the workspace live on it.
    package var eventLoop: any EventLoop

    package init(
        connectionID: String,
        username: String,
        authenticatedUsername: String,
        remoteAddress: String,
        carried: ConnectionMetadata,
        eventLoop: any EventLoop
    ) {
        self.connectionID = connectionID
        self.username = username
        self.authenticatedUsername = authenticatedUsername
        self.remoteAddress = remoteAddress
        self.carried = carried
        self.eventLoop = eventLoop
    }
}

/// One connection's place to run programs in.
package protocol Workspace: Sendable {
    /// What the log and the recording call it, for example a container id.
    var label: String { get }

    /// Starts a program.
    ///
    /// - Throws: `CodedError`; a program that does not exist is a `CodedError` too where the
    ///   backend can tell, else exit status 127.
    func start(_ request: ProgramRequest) async throws -> any Program

    /// Puts a file into the workspace, making parent folders; replaces it whole or not at all.
    func putFile(_ file: WorkspaceFile) async throws

    /// Opens a stream to an address as seen from inside the workspace; stops when cancelled.
    ///
    /// A name is resolved once, by whoever connects; `permission` says which of its addresses may
    /// be tried. Where another machine resolves it, `permission.permitUnresolved()` comes first.
    ///
    /// - Throws: `OperationUnsupported` where the backend cannot; the permission's refusal; a
    ///   `CodedError` when nothing answers.
    func dial(
        _ destination: DialDestination,
        permission: DialPermission
    ) async throws -> any WorkspaceStream

    /// Accepts connections inside the workspace, until the listener or the workspace is closed.
    ///
    /// - Throws: `OperationUnsupported` where the backend cannot, else a `CodedError`.
    func listen(_ place: ListenPlace) async throws -> any WorkspaceListener

    /// Ends every program and removes the workspace. Bounded by the backend's own stop timeout,
    /// runs to its end even when the calling task is cancelled, harmless when repeated.
    func close() async
}

/// What to run.
package struct ProgramRequest: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// The configured login shell.
        case shell
        /// A command line as the client sent it; run by a shell.
        case exec(RawText)
        /// The name of a subsystem, mapped to a program by the backend's configuration.
        case subsystem(RawText)
    }

    package var kind: Kind
    /// Later entries win. Comes on top of the workspace's own environment.
    package var environment: [(name: String, value: RawText)]
    /// A terminal, or `nil` for three pipes.
    package var pty: PTYRequest?
    /// With a terminal, and where the backend can: the program's output tells what became of its
    /// input.
    package var watchesInput: Bool

    package init(
        kind: Kind,
        environment: [(name: String, value: RawText)] = [],
        pty: PTYRequest? = nil,
        watchesInput: Bool = false
    ) {
        self.kind = kind
        self.environment = environment
        self.pty = pty
        self.watchesInput = watchesInput
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.kind == right.kind && left.pty == right.pty
            && left.environment.elementsEqual(right.environment, by: ==)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(pty)
    }
}

/// A running program: bytes in, bytes out, both pulled one piece at a time so that a slow side
/// slows the other.
///
/// Functions may be called from different tasks (one writes, one reads, one signals).
package protocol Program: Sendable {
    /// The next output, at most 256 KiB; `nil` once both streams have ended. One reader at a time.
    ///
    /// The program's end does not end the output: a child that keeps the streams open does not
    /// delay `exit()`, see there. Throws `CancellationError` when the reader is cancelled.
    func nextOutput() async throws -> ProgramOutput?

    /// Whether the output tells what became of the input: it was asked for, and can be known.
    var tellsInput: Bool { get }

    /// Hands bytes to the program's standard input; returns once they were taken. Bytes for a
    /// program that no longer reads are dropped, as a pipe's reader may close early.
    ///
    /// - Returns: `false` when it is known that nobody reads any more.
    @discardableResult
    func write(_ bytes: ByteBuffer) async throws -> Bool

    /// Ends the standard input, and nothing else. With a terminal nothing happens: its end of
    /// input is a character.
    func closeInput() async

    /// Takes no more output: a program that goes on writing gets SIGPIPE, or where the backend
    /// cannot do that, what it writes is dropped. `nextOutput()` then ends. With a terminal
    /// nothing happens.
    func closeOutput() async

    func resize(_ size: WindowSize) async throws

    /// What a broken line does to a terminal (RFC 4335; BRKINT and IGNBRK of termios(3)).
    ///
    /// - Throws: `OperationUnsupported` without a terminal, or where the backend cannot.
    func sendBreak(milliseconds: UInt32) async throws

    /// Sends a signal, named without `SIG`, to the program's process group, or to the best the
    /// backend can reach.
    func signal(_ name: String) async throws

    /// How the program ended; waits for it. Never waits for children that outlive it. Any number
    /// of callers may wait, each stops when it is cancelled.
    func exit() async throws -> ProgramExit

    /// Kills the program if it still runs, and frees what it holds. Harmless when repeated.
    func terminate() async
}

extension Program {
    package var tellsInput: Bool { false }
}

/// One piece of output.
package struct ProgramOutput: Sendable, Hashable {
    package var stream: OutputStream
    /// Empty where there is `input`.
    package var bytes: ByteBuffer
    /// Input that the terminal took before it said what follows.
    package var input: TypedInput?

    package init(stream: OutputStream, bytes: ByteBuffer) {
        self.stream = stream
        self.bytes = bytes
    }

    package init(_ input: TypedInput) {
        stream = .stdout
        bytes = ByteBuffer()
        self.input = input
    }
}

/// A file for a workspace.
package struct WorkspaceFile: Sendable, Hashable {
    /// Absolute path inside the workspace.
    package var path: String
    package var content: [UInt8]
    /// Permission bits.
    package var mode: UInt32

    package init(path: String, content: [UInt8], mode: UInt32 = 0o600) {
        self.path = path
        self.content = content
        self.mode = mode
    }
}

/// Where a forwarded stream goes, from inside the workspace.
package enum DialDestination: Sendable, Hashable {
    case tcp(host: String, port: UInt16)
    case unixSocket(path: String)
}

/// A byte stream into the workspace with half-close on both sides.
package protocol WorkspaceStream: Sendable {
    /// At most 256 KiB; `nil` at the far side's end.
    func read() async throws -> ByteBuffer?
    func write(_ bytes: ByteBuffer) async throws
    func closeWrite() async
    func close() async
}

/// Where connections are accepted, from inside the workspace.
package enum ListenPlace: Sendable, Hashable {
    /// An empty host means all interfaces, port 0 any free port.
    case tcp(host: String, port: UInt16)
    case unixSocket(path: String)
    /// A display for X11 programs; its listener's `environment` names it and the file with the
    /// cookie.
    case x11(X11Request)
    /// A socket of an SSH agent; its listener's `environment` names it.
    case agent
}

/// A place inside a workspace where connections are accepted.
package protocol WorkspaceListener: Sendable {
    /// The port, where it is one.
    var boundPort: UInt16? { get }

    /// Variables for programs that are started from now on, for example `DISPLAY`.
    var environment: [(name: String, value: String)] { get }

    /// The next connection; `nil` once the listener is closed. One caller at a time, who is all
    /// that keeps connections from waiting in the kernel.
    func accept() async throws -> AcceptedStream?

    /// Accepts no more, and removes what was made for it; accepted streams stay. Harmless when
    /// repeated.
    func close() async
}

/// A connection that was accepted inside a workspace.
package struct AcceptedStream: Sendable {
    package var stream: any WorkspaceStream
    /// Who connected, where that has an address.
    package var originator: (host: String, port: UInt16)?

    package init(stream: any WorkspaceStream, originator: (host: String, port: UInt16)? = nil) {
        self.stream = stream
        self.originator = originator
    }
}

extension Workspace {
    package func listen(_ place: ListenPlace) async throws -> any WorkspaceListener {
        throw OperationUnsupported(operation: "listen")
    }
}

/// The backend has no such operation; the person is told so.
package struct OperationUnsupported: Error, Sendable {
    /// The operation's name as an operator would search for it.
    package let operation: String

    package init(operation: String) { self.operation = operation }
}
