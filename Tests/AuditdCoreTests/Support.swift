import AuditClient
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import SharedConfig
import SharedHTTP
import SharedModels
import Synchronization
import Testing

@testable import AuditdCore

/// A folder of the test's own, removed at its end.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("berth-auditd-\(UUID().uuidString)").path
    try Folder.create(path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

let sampleFacts = RecordingFacts(
    remoteAddress: "192.0.2.7",
    country: "CH",
    startedAt: 1_700_000_000_000_000_000
)

func recordingID(_ number: Int) -> RecordingID { RecordingID(high: 7, low: UInt64(number)) }

extension RecordingBatch.Frame {
    static func open(_ id: RecordingID, _ facts: RecordingFacts = sampleFacts) -> Self {
        .init(id, .open(BatchJSON.encode(facts)))
    }

    static func append(_ id: RecordingID, at offset: UInt64, _ text: String) -> Self {
        .init(id, .append(offset: offset, ByteBuffer(string: text)))
    }

    static func finish(_ id: RecordingID, _ length: UInt64) -> Self {
        .init(id, .finish(length: length))
    }
}

/// A running auditd: service and HTTP server on a port of its own.
struct RunningAuditd: Sendable {
    let folder: String
    let service: RecordingService
    let client: HTTPClient
    let url: String
    /// Of the router: methods and path templates.
    let routes: [(method: String, path: String)]

    func get(_ path: String) async throws -> HTTPReply {
        try await client.send(HTTPCall(.get, path, timeLimit: .total(.seconds(60))))
    }

    func get<Value: Decodable>(_ type: Value.Type, _ path: String) async throws -> Value {
        let reply = try await get(path)
        try #require(reply.status == 200, "\(reply.refusal?.code ?? "")")
        return try reply.decode(type)
    }

    func post(_ body: ByteBuffer) async throws -> HTTPReply {
        try await client.send(
            HTTPCall(
                .post,
                RecordingRoutes.batch,
                body: Array(body.readableBytesView),
                timeLimit: .total(.seconds(60))
            )
        )
    }

    func send(_ frames: [RecordingBatch.Frame], gateway: String = "g1") async throws -> BatchReply {
        let reply = try await post(RecordingBatch(gateway: gateway, frames: frames).encoded())
        try #require(reply.status == 200, "\(reply.refusal?.code ?? "")")
        return try reply.decode(BatchReply.self)
    }

    func shipper(_ options: ShipperOptions) -> RecordingShipper {
        RecordingShipper(options: options, client: client, logger: silent)
    }
}

func withAuditd<Result>(
    in folder: String,
    minimumFree: Int = 0,
    storages: [any RecordingStorage]? = nil,
    limits: RecordingService.Limits = .init(),
    logger: Logger = silent,
    token: String = "",
    web: Bool = false,
    tls: (server: HTTPServerOptions.TLSOptions, client: HTTPClientOptions.TLSOptions)? = nil,
    change: (inout AuditdConfig) -> Void = { _ in },
    _ body: (RunningAuditd) async throws -> Result
) async throws -> Result {
    var config = AuditdConfig()
    config.token = Secret(token)
    config.web = web
    config.directory = folder
    config.minimumFree = minimumFree
    change(&config)
    let service = try RecordingService(
        config,
        storages: storages,
        limits: limits,
        logger: logger
    )
    let health = HealthRegistry()
    service.register(in: health)
    let router = HTTPService.makeRouter(health: health, logger: silent)
    service.addRoutes(to: router)
    let http = try HTTPService(
        "auditd",
        HTTPServerOptions(listen: .tcp(host: "127.0.0.1", port: 0), tls: tls?.server),
        router: router,
        logger: silent
    )
    return try await withThrowingTaskGroup(of: Void.self) { group in
        let running = Task { try await service.run() }
        group.addTask { try await http.run() }
        let address = try await http.boundAddress()
        let url = "\(tls == nil ? "http" : "https")://\(address)"
        var options = HTTPClientOptions(url: url, timeout: .seconds(60))
        if let tls { options.tls = tls.client }
        let client = try HTTPClient(options, logger: silent)
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(
                try await body(
                    RunningAuditd(
                        folder: folder,
                        service: service,
                        client: client,
                        url: url,
                        routes: router.routes.map { ($0.method.rawValue, "\($0.path)") }
                    )
                )
            )
        } catch {
            outcome = .failure(error)
        }
        client.shutdown()
        group.cancelAll()
        running.cancel()
        // Cancelled servers may say so; what counts is the outcome.
        _ = await running.result
        while let _ = await group.nextResult() {}
        return try outcome.get()
    }
}

/// Waits until `condition` holds; fails the test once it has not for `limit`.
func eventually(
    _ what: @autoclosure () -> Comment,
    within limit: Duration = .seconds(90),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, what())
        try await turn(.milliseconds(2))
    }
}

/// Waits a little, without taking a core from what is waited for.
func turn(_ time: Duration = .milliseconds(5)) async throws {
    let nanoseconds = Int(time / .nanoseconds(1))
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) {
            continuation.resume()
        }
    }
}

/// Repeatable randomness (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A value that several tasks change.
final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try value.withLock { value in
            var copy = value
            defer { value = copy }
            return try body(&copy)
        }
    }
}
