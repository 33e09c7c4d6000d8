import AuditClient
import Foundation
import InMemoryLogging
import Logging
import SharedConfig
import SharedHTTP
import SharedLogging
import SharedMessages
import Synchronization
import Testing

@testable import AuditdCore

/// moto's server behind a proxy that checks every signature, see the script.
final class StrictS3: Sendable {
    /// A request as the proxy saw it.
    struct Entry: Decodable, Sendable {
        var operation: String
        var key: String
        var query: [String: String]
        var fields: [String: String]?
        var length: Int?
        /// What was wrong with it.
        var refused: String?
    }

    static let python: String? = {
        let given = ProcessInfo.processInfo.environment["BERTH_TEST_PYTHON"]
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let path = given ?? root.appending(path: "var/python/bin/python3").path
        let moto = URL(filePath: path).deletingLastPathComponent().appending(path: "moto_server")
        return FileManager.default.isExecutableFile(atPath: moto.path) ? path : nil
    }()

    static let bucket = "recordings"

    let port: Int
    private let client: HTTPClient
    private let process: Process
    private let lifeline: FileHandle
    private let ended: AsyncStream<Void>

    /// Starts it, with a bucket, and ends it behind `body`.
    static func run<Result>(_ body: (StrictS3) async throws -> Result) async throws -> Result {
        let server = try StrictS3()
        let result: Swift.Result<Result, any Error>
        do {
            try await server.control(["bucket": bucket])
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        await server.stop()
        return try result.get()
    }

    private init() throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Scripts/strict-s3.py").path
        process = Process()
        let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
        self.ended = ended
        process.terminationHandler = { _ in continuation.finish() }
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: try #require(Self.python))
        process.arguments = [script]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        // Or children started meanwhile keep it alive.
        _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.run()
        lifeline = input.fileHandleForWriting
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(Int(line.split(separator: "\n").first ?? ""), "moto's server starts")
        client = try HTTPClient(HTTPClientOptions(url: "http://127.0.0.1:\(port)"), logger: silent)
    }

    private func stop() async {
        client.shutdown()
        kill(process.processIdentifier, SIGKILL)
        for await _ in ended {}
    }

    var url: String { "http://127.0.0.1:\(port)" }

    var config: AuditS3Config {
        var config = AuditS3Config()
        config.accessKey = "test-access"
        config.secretKey = Secret("test-secret/+=")
        config.bucket = Self.bucket
        config.region = "eu-test-1"
        config.endpoint = url
        config.pathStyleAccess = true
        config.local = "/nonexistent"
        config.timeout = .seconds(30)
        return config
    }

    func control(_ order: [String: Any]) async throws {
        let body = try JSONSerialization.data(withJSONObject: order)
        let reply = try await client.send(
            HTTPCall(.post, "/_control", body: [UInt8](body), timeLimit: .total(.seconds(120)))
        )
        try #require(reply.status == 200)
    }

    private struct SecureListener: Decodable {
        var port: Int
        var ca: String
    }

    /// Lets it listen with TLS too; answers the URL, and whom the certificate is of.
    func listenWithTLS() async throws -> (url: String, authority: String) {
        let body = Array(#"{"tls": true}"#.utf8)
        let reply = try await client.send(
            HTTPCall(.post, "/_control", body: body, timeLimit: .total(.seconds(60)))
        )
        let listener = try reply.decode(SecureListener.self)
        return ("https://127.0.0.1:\(listener.port)", listener.ca)
    }

    /// The next `times` requests of that kind, behind `skip` of them, fail that way.
    func fail(_ operation: String, _ fault: String, times: Int = 1, skip: Int = 0) async throws {
        let entry: [String: Any] = [
            "operation": operation, "do": fault, "times": times, "skip": skip,
        ]
        try await control(["faults": [entry]])
    }

    func log(_ operation: String? = nil) async throws -> [Entry] {
        let call = HTTPCall(.get, "/_log", timeLimit: .total(.seconds(120)), replyLimit: 64 << 20)
        let entries = try await client.send(call).decode([Entry].self)
        return entries.filter { operation == nil || $0.operation == operation }
    }

    func count(_ operation: String) async throws -> Int { try await log(operation).count }

    /// The object's bytes; `nil` if there is none.
    func object(_ key: String) async throws -> HTTPReply? {
        let call = HTTPCall(
            .get,
            "/_object/\(Self.bucket)/\(key)",
            timeLimit: .total(.seconds(120)),
            replyLimit: 256 << 20
        )
        let reply = try await client.send(call)
        return reply.status == 200 ? reply : nil
    }
}

/// A storage that runs, what it acknowledged and what it said.
final class RunningStorage: Sendable {
    let folder: String
    let storage: S3Storage
    private let handler: InMemoryLogHandler
    private let stored = Mutex<Set<RecordingID>>([])

    init(
        _ config: AuditS3Config,
        in folder: String,
        limits: S3Storage.Limits = .quick,
        environment: [String: String] = [:]
    ) throws {
        let handler = InMemoryLogHandler()
        self.handler = handler
        self.folder = folder
        var logger = Logger(label: "audit") { _ in handler }
        logger.logLevel = .debug
        storage = try S3Storage(
            config,
            folder: folder,
            environment: environment,
            limits: limits,
            logger: logger
        )
    }

    /// Runs the storage while `body` runs.
    func run<Result>(_ body: (RunningStorage) async throws -> Result) async throws -> Result {
        let running = Task {
            await storage.run { ids in self.stored.withLock { $0.formUnion(ids) } }
        }
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(self)) } catch { result = .failure(error) }
        running.cancel()
        await running.value
        return try result.get()
    }

    func isStored(_ id: RecordingID) -> Bool { stored.withLock { $0.contains(id) } }

    func waitStored(_ id: RecordingID, within limit: Duration = .seconds(90)) async throws {
        let deadline = ContinuousClock.now + limit
        while !isStored(id) {
            try #require(ContinuousClock.now < deadline, "stored; said \(said)")
            try await ready()
        }
    }

    /// A turn of the machine, so that waiting does not take a core from what is waited for.
    private func ready() async throws {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(5)) {
                continuation.resume(returning: ())
            }
        } as Void
    }

    /// The codes it logged, in order.
    var codes: [String] {
        handler.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
            .filter { $0.hasPrefix("AUDIT") }
    }

    /// The last lines of the log, for a failure's text.
    private var said: String {
        handler.entries.suffix(12).map { "\($0.message) \($0.metadata)" }.joined(separator: "\n")
    }

    /// The reasons given with a code.
    func reasons(_ code: MessageCode) -> Set<String> {
        Set(
            handler.entries.filter { $0.metadata["code"].map { "\($0)" } == code.id }
                .compactMap { $0.metadata["reason"].map { "\($0)" } }
        )
    }

    func waitCode(_ code: MessageCode, count: Int = 1) async throws {
        let deadline = ContinuousClock.now + .seconds(90)
        while codes.count(where: { $0 == code.id }) < count {
            try #require(ContinuousClock.now < deadline, "\(code.id); said \(said)")
            try await ready()
        }
    }

    /// Writes a recording's file and tells the storage of it.
    func take(
        _ id: RecordingID,
        _ bytes: [UInt8],
        isFinished: Bool = true,
        isRecovered: Bool = false,
        facts: RecordingFacts = sampleFacts
    ) async throws {
        let path = "\(folder)/\(id).part"
        try Data(bytes).write(to: URL(filePath: path))
        await storage.take([
            SpooledRecording(
                id: id,
                path: path,
                length: UInt64(bytes.count),
                facts: facts,
                isFinished: isFinished,
                isRecovered: isRecovered
            )
        ])
    }
}

extension S3Storage.Limits {
    static var quick: Self {
        var limits = Self()
        limits.firstPause = .milliseconds(20)
        limits.longestPause = .milliseconds(200)
        return limits
    }
}

/// Bytes that repeat nowhere.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = SeededGenerator(state: seed)
    let words = (0..<(count + 7) / 8).map { _ in generator.next() }
    return unsafe words.withUnsafeBytes { unsafe [UInt8]($0.prefix(count)) }
}

let mebibyte = 1 << 20
