import Foundation
import Glibc
import SharedMessages
import Synchronization
import Testing

/// The five daemons, started from the build folder on ports of their own, with one user.
final class Installation: Sendable {
    /// Logs in with `password` and with the key `userKey`.
    static let user = "dev"
    static let password = "correct horse battery"

    /// The installation of the suites that share one.
    @TaskLocal static var shared: Installation?

    static var current: Installation {
        get throws { try #require(shared, "the suite lacks the trait .sharedInstallation") }
    }

    let config: InstallationConfig
    private let overrides: [String]
    private let daemons = Mutex<[DaemonName: Program]>([:])
    private let runs = Mutex(0)

    /// Starts the daemons named, waits until they are ready, and stops them after `body`.
    ///
    /// `settings` are keys with their values, over the configuration file; `{authd}` stands for
    /// where authd listens. `rules` are configd's, in place of the usual ones.
    static func with<Value>(
        _ settings: [String] = [],
        daemons: [DaemonName] = DaemonName.allCases,
        rules: String? = nil,
        _ body: (Installation) async throws -> Value
    ) async throws -> Value {
        let installation = try Installation(settings, rules: rules)
        let result: Result<Value, any Error>
        do {
            try await installation.start(daemons)
            result = .success(try await body(installation))
        } catch {
            result = .failure(error)
        }
        await installation.stopAll()
        try? FileManager.default.removeItem(at: installation.config.folder)
        return try result.get()
    }

    private init(_ settings: [String], rules: String?) throws {
        config = InstallationConfig(folder: try Surroundings.temporaryFolder("e2e"))
        let authd = "127.0.0.1:\(config.ports.authd)"
        overrides = settings.flatMap { ["--set", $0.replacing("{authd}", with: authd)] }
        for name in ["run", "recordings", "sandbox"] {
            try FileManager.default.createDirectory(
                at: config.folder.appending(path: name),
                withIntermediateDirectories: true
            )
        }
        try Data(config.text.utf8).write(to: URL(filePath: config.file))
        try Data((rules ?? config.rulesText).utf8).write(to: URL(filePath: config.rules))
    }

    // MARK: - Daemons

    /// The command line with which daemon `name` runs.
    func arguments(_ name: DaemonName) -> [String] { ["--config", config.file] + overrides }

    func start(_ names: [DaemonName]) async throws {
        for name in names where name != .gateway { try launch(name) }
        for name in names where name != .gateway { try await awaitReady(name) }
        if names.contains(.authd) { try await addUser() }
        if names.contains(.gateway) {
            try launch(.gateway)
            try await awaitReady(.gateway)
            try await noteHostKey()
        }
    }

    func process(_ name: DaemonName) throws -> Program {
        try #require(daemons.withLock { $0[name] }, "\(name) was not started")
    }

    /// Starts one daemon again and waits until it is ready.
    func restart(_ name: DaemonName) async throws {
        try launch(name)
        try await awaitReady(name)
    }

    /// Ends one daemon: SIGTERM, or another signal. Returns its exit status.
    @discardableResult
    func stop(_ name: DaemonName, _ signal: Int32 = SIGTERM) async throws -> Int32 {
        let process = try process(name)
        process.send(signal)
        let end = try await process.end()
        daemons.withLock { $0[name] = nil }
        return end.status
    }

    /// Everything a daemon has logged.
    func log(_ name: DaemonName) -> String {
        [
            logFiles(name).appendingPathExtension("out"),
            logFiles(name).appendingPathExtension("err"),
        ]
        .map { (try? String(decoding: Data(contentsOf: $0), as: UTF8.self)) ?? "" }
        .joined()
    }

    /// Waits until a daemon has logged `code`.
    func awaitLog(_ name: DaemonName, _ code: MessageCode) async throws {
        try await wait(for: "\(code.id) in the log of \(name)") {
            log(name).contains("\"\(code.id)\"")
        }
    }

    private func launch(_ name: DaemonName) throws {
        let program = try Program(
            Surroundings.programs.appending(path: "berth-\(name.rawValue)").path,
            arguments(name),
            environment: ["BERTH_CODES_FILE": try Surroundings.codesFile()],
            files: logFiles(name)
        )
        daemons.withLock { $0[name] = program }
    }

    /// Where a daemon's standard output goes.
    func logFile(_ name: DaemonName) -> URL { logFiles(name).appendingPathExtension("out") }

    private func logFiles(_ name: DaemonName) -> URL {
        let folder = Surroundings.results.appending(path: "logs/\(config.folder.lastPathComponent)")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.appending(path: name.rawValue)
    }

    private func awaitReady(_ name: DaemonName) async throws {
        let process = try process(name)
        try await wait(.seconds(150), for: "\(name) is ready; its log: \(log(name))") {
            if kill(process.id, 0) != 0 {
                throw NotInTime(description: "\(name) ended: \(log(name))")
            }
            return try await get(config.readyURL(name)) != nil
        }
    }

    private func stopAll() async {
        for name in DaemonName.allCases.reversed() {
            guard let process = daemons.withLock({ $0.removeValue(forKey: name) }) else { continue }
            process.send(SIGTERM)
            _ = try? await process.end()
        }
    }

    // MARK: - Tools

    /// Runs any program to its end.
    func run(
        _ path: String,
        _ arguments: [String],
        input: Program.Input = .nothing,
        environment: [String: String] = [:],
        within limit: Duration = .seconds(90)
    ) async throws -> Program.End {
        try await launch(path, arguments, input: input, environment: environment)
            .end(within: limit)
    }

    /// Starts any program.
    func launch(
        _ path: String,
        _ arguments: [String],
        input: Program.Input = .nothing,
        environment: [String: String] = [:],
        unread: Bool = false
    ) throws -> Program {
        let number = runs.withLock { runs in
            runs += 1
            return runs
        }
        return try Program(
            path,
            arguments,
            input: input,
            environment: environment,
            files: config.folder.appending(path: "run/\(number)"),
            unread: unread
        )
    }

    /// Runs the tool `berth`.
    func berth(_ arguments: String..., input: Program.Input = .nothing) async throws -> Program.End
    {
        try await berth(arguments, input: input)
    }

    func berth(_ arguments: [String], input: Program.Input = .nothing) async throws -> Program.End {
        let codes = try Surroundings.codesFile()
        return try await run(
            Surroundings.programs.appending(path: "berth").path,
            arguments,
            input: input,
            environment: ["BERTH_CODES_FILE": codes]
        )
    }

    /// Runs another process of a daemon to its end, with `settings` over the configuration file.
    func daemon(_ name: DaemonName, _ settings: [String]) async throws -> Program.End {
        let codes = try Surroundings.codesFile()
        return try await run(
            Surroundings.programs.appending(path: "berth-\(name.rawValue)").path,
            arguments(name) + settings.flatMap { ["--set", $0] },
            environment: ["BERTH_CODES_FILE": codes],
            within: .seconds(90)
        )
    }

    /// The body of a successful answer; `nil` for any other outcome.
    func get(_ url: String) async throws -> String? {
        let end = try await run("/usr/bin/curl", ["-fsS", "--max-time", "5", url])
        return end.status == 0 ? end.output : nil
    }

    // MARK: - The user and the host

    var userKey: String { config.path("id_ed25519") }

    private func addUser() async throws {
        guard !FileManager.default.fileExists(atPath: userKey) else { return }
        let made = try await run(
            "/usr/bin/ssh-keygen",
            ["-q", "-t", "ed25519", "-N", "", "-f", userKey]
        )
        try #require(made.status == 0, "ssh-keygen: \(made.errors)")
        let added = try await berth(
            "user",
            "--server",
            "unix://\(config.adminSocket)",
            "add",
            Self.user,
            "--key-file",
            userKey + ".pub",
            input: .text(Self.password + "\n")
        )
        try #require(added.status == 0, "berth user add: \(added.errors)")
    }

    private func noteHostKey() async throws {
        let key = try await run("/usr/bin/ssh-keygen", ["-y", "-f", config.hostKeyFile])
        try #require(key.status == 0, "ssh-keygen -y: \(key.errors)")
        try Data("[127.0.0.1]:\(config.ports.ssh) \(key.output)".utf8)
            .write(to: URL(filePath: config.path("known_hosts")))
    }
}
