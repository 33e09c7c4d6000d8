import Foundation
import Glibc
import SharedMessages
import Testing

/// The suites about forwarding share one installation where all of it is allowed.
@Suite(
    "Forwarding, end to end",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .sharedInstallation(
        "security.forwarding.forwardingMode=enable",
        "security.forwarding.reverseForwardingMode=enable",
        "security.forwarding.socketForwardingMode=enable",
        "security.forwarding.socketListenMode=enable",
        "security.forwarding.x11ForwardingMode=enable",
        "security.forwarding.agentForwardingMode=enable",
        "audit.intercept.forwarding=true"
    )
)
struct ForwardingTests {}

/// A program of `Scripts/sockets.py`, here or in a sandbox.
enum Sockets {
    static let python = "/usr/bin/python3"
    static let script = Surroundings.scripts.appending(path: "sockets.py").path

    /// The command line that runs it where only the command line arrives.
    static func command(_ arguments: String) throws -> String {
        let text = try Data(contentsOf: URL(filePath: script)).base64EncodedString()
        return "\(python) -c \"$(echo \(text) | base64 -d)\" \(arguments)"
    }
}

extension Installation {
    /// Runs a program of `Scripts/sockets.py` here to its end.
    func sockets(_ arguments: String..., input: Program.Input = .nothing) async throws
        -> Program.End
    {
        try await run(
            Sockets.python,
            [Sockets.script] + arguments,
            input: input,
            within: .seconds(120)
        )
    }

    /// Starts a server of `Scripts/sockets.py` here; it ends with its input.
    func server(_ kind: String, _ address: String) async throws -> (Program, port: String) {
        let server = try launch(Sockets.python, [Sockets.script, kind, address], input: .held)
        return (server, try await server.ready())
    }

    /// Starts ssh with a server of `Scripts/sockets.py` in the sandbox; both end with ssh's input.
    func serverInside(
        _ kind: String,
        _ address: String,
        _ arguments: [String]
    ) async throws -> (Program, port: String) {
        let client = try launchSSH(
            try Sockets.command("\(kind) \(address)"),
            arguments: arguments,
            input: .held
        )
        return (client, try await client.ready())
    }
}

extension Program {
    /// What follows `ready` in the output.
    func ready() async throws -> String {
        try await wait(for: "the server; \(errors)") {
            output.hasPrefix("ready ") && output.contains("\n")
        }
        return String(output.split(separator: "\n")[0].dropFirst("ready ".count))
    }
}
