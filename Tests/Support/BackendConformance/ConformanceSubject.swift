package import GatewayCore
package import NIOCore
package import SharedModels

/// A backend under test and what the suite cannot know about it.
///
/// Its programs run in a POSIX system with `sh`, `cat`, `head`, `sleep`, `stty`, `env`, `yes`; the
/// login shell reads commands from its input.
package struct ConformanceSubject: Sendable {
    package var backend: any Backend
    package var eventLoop: any EventLoop
    /// Names of what a connection has left on the machine: processes, containers, folders. Asked
    /// with the connection's id; empty once a workspace was closed.
    package var leftovers: @Sendable (_ connectionID: String) async throws -> [String]
    /// Metadata for every workspace the suite opens.
    package var carried: ConnectionMetadata
    /// How long any single step may take before it counts as hanging.
    package var patience: Duration
    /// Whether the backend can dial and listen. One that cannot has to say so.
    package var canForward: Bool
    /// Whether another SSH server stands behind the backend: displays and agents are announced to
    /// programs by that server, not by the listener, and it leaves a socket's file behind as sshd
    /// does. Such a server notices a moment later that a workspace was closed.
    package var isRelay: Bool
    /// What is behind the backend notices a while later that it was left.
    package var noticesLater: Bool
    /// Whether the programs of a connection share files and processes. Where each is alone, its
    /// end takes all that is its own.
    package var sharesPrograms = true
    /// Whether it knows what a terminal hides; as a rule where it has a program inside.
    package var tellsInput: Bool
    /// Whether one direction of a forwarded connection can end before the other.
    package var canHalfClose = true

    package init(
        backend: any Backend,
        eventLoop: any EventLoop,
        carried: ConnectionMetadata = ConnectionMetadata(),
        patience: Duration = .seconds(120),
        canForward: Bool = true,
        isRelay: Bool = false,
        leftovers: @escaping @Sendable (_ connectionID: String) async throws -> [String]
    ) {
        self.backend = backend
        self.eventLoop = eventLoop
        self.carried = carried
        self.patience = patience
        self.canForward = canForward
        self.isRelay = isRelay
        noticesLater = isRelay
        tellsInput = canForward && !isRelay
        self.leftovers = leftovers
    }
}

/// A claim that did not hold.
package struct ConformanceFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension ConformanceSubject {
    /// Opens a workspace of its own for `body` and closes it on every way out.
    package func withWorkspace<Value: Sendable>(
        connectionID: String = Self.newConnectionID(),
        _ body: (any Workspace) async throws -> Value
    ) async throws -> Value {
        let workspace = try await within(patience, "opening a workspace") {
            try await open(connectionID)
        }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(workspace))
        } catch {
            result = .failure(error)
        }
        await workspace.close()
        return try result.get()
    }

    /// Opens a workspace that the caller closes.
    package func open(_ connectionID: String) async throws -> any Workspace {
        try await backend.openWorkspace(
            WorkspaceRequest(
                connectionID: connectionID,
                username: "tester",
                authenticatedUsername: "tester",
                remoteAddress: "192.0.2.7",
                carried: carried,
                eventLoop: eventLoop
            ),
            progress: { _ in }
        )
    }

    /// A fresh identifier: 32 lower-case hexadecimal digits.
    package static func newConnectionID() -> String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        .joined()
    }
}
