import Foundation
import Testing

@Suite(
    "Clients and what they do, on the sandbox",
    .enabled(if: Surroundings.canSandbox, Surroundings.sandboxReason),
    .enabled(if: Surroundings.python != nil, Surroundings.pythonReason),
    .timeLimit(.minutes(5)),
    SharedInstallation(settings: ClientMatrix.forwarding)
)
struct SandboxClientTests {
    @Test("does it", arguments: ClientCheck.all)
    func check(_ check: ClientCheck) async throws {
        try await ClientMatrix.run(check, backend: "sandbox")
    }
}

@Suite("The checks of the clients")
struct ClientCheckTests {
    @Test("every script of the folder says whose check it is and what it does")
    func heads() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: ClientCheck.folder.path)
        let scripts = files.filter { $0.hasSuffix(".bash") && $0 != "lib.bash" }
        #expect(ClientCheck.all.count == scripts.count)
        #expect(!scripts.isEmpty)
    }
}

enum ClientMatrix {
    /// What the checks need over the defaults.
    static let forwarding = [
        "forwardingMode", "reverseForwardingMode", "socketForwardingMode", "socketListenMode",
        "x11ForwardingMode", "agentForwardingMode",
    ].map { "security.forwarding.\($0)=enable" }

    /// Runs one check against the suite's installation and leaves its result; `there` are programs
    /// at the other end that were put there for it.
    static func run(
        _ check: ClientCheck,
        backend: String,
        there: [String] = []
    ) async throws {
        if let missing = check.missing {
            try ClientCheckResult(check, backend: backend, outcome: "needs \(missing)").save()
            try Test.cancel("needs \(missing)")
        }
        let installation = try Installation.current
        let work = installation.config.path("check-\(check.name)")
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        let end = try await installation.run(
            "/bin/bash",
            ["-c", #"source "$0" && source "$1""#, Self.functions, check.script],
            environment: [
                "HOST": "127.0.0.1", "PORT": "\(installation.config.ports.ssh)",
                "LOGIN": Installation.user, "KEY": installation.userKey,
                "KNOWN_HOSTS": installation.config.path("known_hosts"), "WORK": work,
                "SCRIPTS": Surroundings.scripts.path,
                "PYTHON": try #require(Surroundings.python),
            ]
        )
        let outcome = end.status == 0 ? "passed" : "failed"
        try ClientCheckResult(check, backend: backend, outcome: outcome, there: there).save()
        #expect(end.status == 0, "\(end.output.suffix(2000)) \(end.errors.suffix(2000))")
    }

    private static let functions = ClientCheck.folder.appending(path: "lib.bash").path
}
