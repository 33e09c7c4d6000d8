import Foundation
import Glibc
import Testing

extension Installation {
    /// A login from another address of this machine, which is another source.
    static func login(from source: String, _ more: String...) -> Login {
        Login(options: ["BindAddress=\(source)"] + more)
    }

    /// Fails to log in, with a password that is wrong.
    func failLogin(from source: String) async throws -> Program.End {
        var login = Login(proof: .password("wrong"))
        login.options = ["BindAddress=\(source)"]
        return try await ssh("true", login)
    }

    /// Starts connections that never log in; they end with the program's input.
    func halfOpen(_ count: Int, from sources: [String]) throws -> Program {
        try launch(
            try #require(Surroundings.python),
            [Surroundings.scripts.appending(path: "half_open.py").path, "\(config.ports.ssh)"]
                + ["\(count)"] + sources,
            input: .held
        )
    }

    /// `berth penalties` against the gateway.
    func penalties(_ arguments: String...) async throws -> Program.End {
        let server = ["--server", "unix://\(config.gatewaySocket)"]
        return try await run(
            Surroundings.programs.appending(path: "berth").path,
            ["penalties"] + arguments + server,
            environment: ["BERTH_CODES_FILE": try Surroundings.codesFile()]
        )
    }

    /// Starts a session that goes on until its input is closed, and waits until it runs.
    func session(_ login: Login = .key) async throws -> Program {
        let client = try launchSSH("cat", login, input: .held)
        try client.write("here\n")
        try await wait(for: "the session runs; \(client.errors)") { client.output == "here\n" }
        return client
    }

    /// The resident memory of a daemon in bytes (proc(5), status).
    func memory(of daemon: DaemonName) throws -> Int {
        let status = try String(
            contentsOfFile: "/proc/\(process(daemon).id)/status",
            encoding: .utf8
        )
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        let number = try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first)
        return try #require(Int(number)) * 1024
    }
}
