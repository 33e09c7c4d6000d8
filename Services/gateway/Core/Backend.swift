package import NIOCore
package import SharedModels
package import SharedSSH

/// Where people's programs run: a sandbox here, a Docker engine, …
///
/// One instance serves all connections that use the same effective configuration of it.
package protocol Backend: Sendable {
    /// The word after `backend:` in the configuration.
    static var name: String { get }

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

    /// Opens a stream to an address as seen from inside the workspace.
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
        case exec(String)
        /// The name of a subsystem, mapped to a program by the backend's configuration.
        case subsystem(String)
    }

    package var kind: Kind
    /// Later entries win. Comes on top of the workspace's own environment.
    package var environment: [(name: String, value: String)]
    /// A terminal, or `nil` for three pipes.
    package var pty: PTYRequest?

    package init(
        kind: Kind,
        environment: [(name: String, value: String)] = [],
        pty: PTYRequest? = nil
    ) {
        self.kind = kind
        self.environment = environment
        self.pty = pty
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

    /// Hands bytes to the program's standard input; returns once they were taken. Bytes for a
    /// program that no longer reads are dropped silently, as a pipe's reader may close early.
    func write(_ bytes: ByteBuffer) async throws

    /// Ends the standard input, and nothing else. With a terminal nothing happens: its end of
    /// input is a character.
    func closeInput() async

    func resize(_ size: WindowSize) async throws

    /// Sends a signal, named without `SIG`, to the program's process group, or to the best the
    /// backend can reach.
    func signal(_ name: String) async throws

    /// How the program ended; waits for it. Never waits for children that outlive it. Any number
    /// of callers may wait, each stops when it is cancelled.
    func exit() async throws -> ProgramExit

    /// Kills the program if it still runs, and frees what it holds. Harmless when repeated.
    func terminate() async
}

/// One piece of output.
package struct ProgramOutput: Sendable, Hashable {
    package var stream: OutputStream
    package var bytes: ByteBuffer

    package init(stream: OutputStream, bytes: ByteBuffer) {
        self.stream = stream
        self.bytes = bytes
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

/// The backend has no such operation; the person is told so.
package struct OperationUnsupported: Error, Sendable {
    /// The operation's name as an operator would search for it.
    package let operation: String

    package init(operation: String) { self.operation = operation }
}
