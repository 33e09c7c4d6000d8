import AuditClient
import ChildProcess
import Foundation
import Logging
import NIOCore
import SharedHTTP
import Synchronization
import Testing

/// An auditd of the test's own, and the tool that asks it.
final class RunningAuditd: Sendable {
    let folder: String
    private let socket: String
    private let daemon = Mutex<ChildProcess?>(nil)
    private let count = Mutex(0)

    private init(_ folder: String, _ socket: String) {
        self.folder = folder
        self.socket = socket
    }

    static func with(_ body: (RunningAuditd) async throws -> Void) async throws {
        // A socket's path may have 107 bytes.
        let base = "/tmp/berth-cli-\(UInt64.random(in: 0 ... .max))"
        let files = FileManager.default
        try files.createDirectory(atPath: base + "/auditd", withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: base) }
        try Data().write(to: URL(filePath: base + "/auditd.yaml"))
        let auditd = RunningAuditd(base + "/auditd", base + "/socket")
        let result: Result<Void, any Error>
        do { result = .success(try await body(auditd)) } catch { result = .failure(error) }
        await auditd.stop()
        try result.get()
    }

    var url: String { "unix://\(socket)" }

    /// Puts a recording's file into the folder, which auditd finds when it starts.
    func store(_ bytes: Data) throws -> String {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let id = "\(RecordingID(high: 7, low: UInt64(number)))"
        try bytes.write(to: URL(filePath: "\(folder)/\(id)"))
        return id
    }

    func start(_ settings: [String] = []) async throws {
        try launchDaemon(settings)
        try await waitUntil(["list"]) { _ in true }
    }

    func start(token: String, _ file: String) async throws {
        try launchDaemon(["auditd.token=\(token)"])
        try await waitUntil(["list", "--token-file", file]) { _ in true }
    }

    private func launchDaemon(_ settings: [String]) throws {
        let all = [
            "auditd.directory=\(folder)", "auditd.listen=\(url)", "auditd.minimumFree=1048576",
            "audit.storage=file", "audit.format=binary", "audit.file.directory=\(folder)",
        ]
        let arguments = (all + settings).flatMap { ["--set", $0] }
        let process = try ChildProcess("berth-auditd", ["--config", folder + ".yaml"] + arguments)
        daemon.withLock { $0 = process }
    }

    func stop() async {
        guard let process = daemon.withLock({ $0.take() }) else { return }
        process.send(signal: 15)
        _ = await process.end()
    }

    func berth(_ arguments: String...) async throws -> ChildProcess.End {
        try await berth(arguments)
    }

    func berth(_ arguments: [String]) async throws -> ChildProcess.End {
        try await ChildProcess.run(
            "berth",
            ["recording", arguments[0], "--server", url] + arguments.dropFirst()
        )
    }

    /// Starts the tool and does not wait for its end.
    func launch(_ arguments: String...) throws -> ChildProcess {
        try ChildProcess(
            "berth",
            ["recording", arguments[0], "--server", url] + arguments.dropFirst()
        )
    }

    /// Asks until the answer is as it shall be, for two minutes at most.
    func waitUntil(_ arguments: [String], _ condition: (String) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            let end = try await berth(arguments)
            if end.status == 0, condition(end.output) { return }
            try #require(ContinuousClock.now < deadline, "\(end.errors) \(end.output)")
        }
    }

    /// Sends what a gateway would.
    func send(_ frames: [RecordingBatch.Frame]) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let client = try HTTPClient(HTTPClientOptions(url: url), logger: logger)
        defer { client.shutdown() }
        let body = RecordingBatch(gateway: "test", frames: frames).encoded()
        let reply = try await client.send(
            HTTPCall(
                .post,
                RecordingRoutes.batch,
                body: Array(body.readableBytesView),
                timeLimit: .total(.seconds(60))
            )
        )
        try #require(reply.status == 200)
    }
}
