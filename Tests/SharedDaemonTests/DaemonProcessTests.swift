import ChildProcess
import Foundation
import Testing

/// A real process, started, asked and stopped as an operator does.
@Suite("A daemon's process", .timeLimit(.minutes(5)))
struct DaemonProcessTests {
    private static let program = "test-daemon"

    /// Starts the daemon on a port that the system chooses and hands it out once it is ready.
    private func withDaemon(
        _ arguments: [String] = [],
        config: String = "authd: { listen: \"127.0.0.1:0\" }\nlog: { level: debug }\n",
        _ body: (ChildProcess, URL, Int) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "config.yaml")
            try Data(config.utf8).write(to: file)
            let daemon = try ChildProcess(Self.program, ["--config", file.path] + arguments)
            let available = try #require(await daemon.line(containing: "HTTP_SERVER_AVAILABLE"))
            let match = try #require(available.firstMatch(of: /"listen":"127.0.0.1:(\d+)"/))
            _ = try #require(await daemon.line(containing: "SERVICE_POOL_RUNNING"))
            try await body(daemon, file, try #require(Int(match.1)))
            daemon.send(signal: SIGKILL)
        }
    }

    @Test("it starts, is ready, stops on SIGTERM with status 0, and says each step")
    func lifeCycle() async throws {
        try await withDaemon { daemon, _, _ in
            daemon.send(signal: SIGTERM)
            let end = await daemon.end()
            #expect(end.status == 0)
            let codes = end.output.split(separator: "\n")
                .compactMap { $0.firstMatch(of: /"code":"((?:SERVICE|CORE)_\w+)"/)?.1 }
            #expect(
                codes == [
                    "CORE_CONFIG_FILE", "SERVICE_POOL_STARTING", "SERVICE_STARTING",
                    "SERVICE_RUNNING", "SERVICE_POOL_RUNNING", "SERVICE_POOL_STOPPING",
                    "SERVICE_STOPPING", "SERVICE_STOPPED", "SERVICE_POOL_STOPPED",
                ]
            )
        }
    }

    @Test("SIGINT stops it as well")
    func interrupt() async throws {
        try await withDaemon { daemon, _, _ in
            daemon.send(signal: SIGINT)
            #expect(await daemon.end().status == 0)
        }
    }

    @Test("--healthcheck ends with 0 while the daemon runs and with 1 when it does not")
    func healthCheck() async throws {
        try await withDaemon { daemon, file, port in
            let arguments = [
                "--config", file.path, "--healthcheck", "--set", "authd.listen=127.0.0.1:\(port)",
            ]
            let well = try await ChildProcess.run(Self.program, arguments)
            #expect(well.status == 0)
            #expect(well.output.contains("CORE_HEALTH_CHECK_SUCCESSFUL"))
            daemon.send(signal: SIGTERM)
            _ = await daemon.end()
            let ill = try await ChildProcess.run(Self.program, arguments)
            #expect(ill.status == 1)
            #expect(ill.output.contains("CORE_HEALTH_CHECK_FAILED"))
        }
    }

    @Test("a port that is taken ends it with status 1, SERVICE_CRASHED and the reason")
    func portTaken() async throws {
        try await withDaemon { _, file, port in
            let second = try await ChildProcess.run(
                Self.program,
                ["--config", file.path, "--set", "authd.listen=127.0.0.1:\(port)"]
            )
            #expect(second.status == 1)
            #expect(second.output.contains("SERVICE_CRASHED"))
            #expect(!second.output.contains("SERVICE_POOL_RUNNING"))
            let last = second.output.split(separator: "\n").last ?? ""
            #expect(last.contains(#""level":"crit","code":"HTTP_LISTEN_FAILED""#))
        }
    }

    @Test("a service that fails ends it with status 1, one that ends with status 0")
    func endings() async throws {
        for (argument, status) in [("error", Int32(1)), ("normally", 0)] {
            let end = try await ChildProcess.run(
                Self.program,
                ["--config", "", "--set", "authd.listen=127.0.0.1:0", "--end", argument]
            )
            #expect(end.status == status)
        }
    }

    @Test("connections that do not end in time are cut, and the status is still 0")
    func shutdownTimeout() async throws {
        let config =
            "authd: { listen: \"127.0.0.1:0\" }\nlog: { level: debug }\n"
            + "service: { shutdownTimeout: 50ms }\n"
        try await withDaemon(["--end", "stuck"], config: config) { daemon, _, _ in
            daemon.send(signal: SIGTERM)
            #expect(await daemon.end().status == 0)
        }
    }

    @Test("a bad configuration ends it with status 78 and names every problem")
    func badConfiguration() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "config.yaml")
            try Data("log: { level: loud }\nssh: { nonsense: 1 }\n".utf8).write(to: file)
            for arguments in [[], ["--check-config"], ["--dump-config"], ["--healthcheck"]] {
                let end = try await ChildProcess.run(
                    Self.program,
                    ["--config", file.path] + arguments
                )
                #expect(end.status == 78)
                #expect(end.errors.contains("CORE_CONFIG_ERROR"))
                #expect(end.errors.contains("log.level: is \"loud\", must be one of"))
                #expect(end.errors.contains("ssh.nonsense"))
                #expect(end.output.contains("CORE_CONFIG_ERROR") == arguments.isEmpty)
            }
        }
    }

    @Test("a log that cannot be opened ends it with status 1 and says so on standard output")
    func logCannotBeOpened() async throws {
        let end = try await ChildProcess.run(
            Self.program,
            [
                "--config", "", "--set", "log.destination=file",
                "--set", "log.file=/nonexistent/berth.log",
            ]
        )
        #expect(end.status == 1)
        #expect(end.output.contains(#""level":"crit","code":"LOG_FILE_OPEN_FAILED""#))
        #expect(end.errors.contains("/nonexistent/berth.log"))
    }

    @Test("a configuration file that is missing ends it with status 78")
    func missingFile() async throws {
        let end = try await ChildProcess.run(Self.program, ["--config", "/nonexistent.yaml"])
        #expect(end.status == 78)
        #expect(end.errors.contains("/nonexistent.yaml"))
    }

    @Test("flags win over the environment, which wins over the file; secrets are masked")
    func precedence() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "config.yaml")
            let text =
                "log: { level: error, format: text, destination: stdout, syslog: { tag: a } }"
            try Data(text.utf8).write(to: file)
            let end = try await ChildProcess.run(
                Self.program,
                ["--config", file.path, "--dump-config", "--set", "log.level=debug"],
                environment: ["BERTH_LOG__LEVEL": "crit", "BERTH_LOG__SYSLOG__TAG": "b"]
            )
            #expect(end.status == 0)
            #expect(end.output.contains("level: debug"))
            #expect(end.output.contains("format: text"))
            #expect(end.output.contains("tag: b"))
        }
    }

    @Test("--check-config of a good file ends with status 0 and starts nothing")
    func checkGood() async throws {
        try await withFolder { folder in
            let file = folder.appending(path: "config.yaml")
            try Data("log: { level: info }\n".utf8).write(to: file)
            let end = try await ChildProcess.run(
                Self.program,
                ["--config", file.path, "--check-config"]
            )
            #expect(end.status == 0)
            #expect(end.output == "test-daemon: the configuration is good.\n")
        }
    }

    @Test("SIGHUP reopens the log file and takes over the new level; a broken file changes nothing")
    func reload() async throws {
        try await withFolder { folder in
            let log = folder.appending(path: "log")
            let file = folder.appending(path: "config.yaml")
            func configure(_ level: String) throws {
                let text =
                    "authd: { listen: \"127.0.0.1:0\" }\n"
                    + "log: { level: \(level), destination: file, file: \"\(log.path)\" }\n"
                try Data(text.utf8).write(to: file)
            }
            try configure("notice")
            let daemon = try ChildProcess(Self.program, ["--config", file.path])
            try await waitForFile(log, containing: "SERVICE_POOL_RUNNING")
            try FileManager.default.moveItem(at: log, to: folder.appending(path: "log.1"))
            try configure("loud")
            daemon.send(signal: SIGHUP)
            try await waitForFile(log, containing: "CORE_CONFIG_RELOAD_FAILED")
            let text = try String(contentsOf: log, encoding: .utf8)
            #expect(text.contains("log.level: is "))
            try configure("debug")
            daemon.send(signal: SIGHUP)
            try await waitForFile(log, containing: "CORE_CONFIG_RELOADED")
            daemon.send(signal: SIGTERM)
            #expect(await daemon.end().status == 0)
            // Visible at the new level only.
            #expect(try String(contentsOf: log, encoding: .utf8).contains("SERVICE_STOPPED"))
        }
    }

    @Test("each code that a run emits is written once to the file of the test run")
    func codesFile() async throws {
        try await withFolder { folder in
            let codes = folder.appending(path: "codes")
            let end = try await ChildProcess.run(
                Self.program,
                ["--config", "", "--set", "authd.listen=127.0.0.1:0", "--end", "normally"],
                environment: ["BERTH_CODES_FILE": codes.path]
            )
            #expect(!end.output.contains("CONFIG_VARIABLE_UNKNOWN"))
            let written = try String(contentsOf: codes, encoding: .utf8).split(separator: "\n")
            #expect(Set(written).count == written.count)
            #expect(written.contains("SERVICE_POOL_STARTING"))
            #expect(written.contains("SERVICE_POOL_STOPPED"))
        }
    }
}
