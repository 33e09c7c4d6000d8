import Foundation
import Glibc
import InMemoryLogging
import Logging
import ServiceLifecycle
import SharedLogging
import SharedMessages
import Testing

@testable import SharedDaemon

/// A service that works until it is told to stop, or until `end` says so.
struct TestService: Service {
    enum End: Sendable {
        /// Until the graceful shutdown.
        case shutdown
        /// At once, normally.
        case now
        /// At once, with this error.
        case failure(CodedError)
        /// Not before its cancellation.
        case cancellation
    }

    var end = End.shutdown

    func run() async throws {
        switch end {
        case .shutdown: try await gracefulShutdown()
        case .now: return
        case .failure(let error): throw error
        case .cancellation:
            let (stream, _) = AsyncStream.makeStream(of: Void.self)
            for await _ in stream {}
            throw CancellationError()
        }
    }
}

/// A logger with memory.
struct LogMemory: Sendable {
    let handler = InMemoryLogHandler()

    var logger: Logger {
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = .trace
        return logger
    }

    /// The codes in the order of their records.
    var codes: [String] { handler.entries.compactMap { $0.metadata["code"].map { "\($0)" } } }

    /// `CODE service` in the order of their records.
    var steps: [String] {
        handler.entries.map { entry in
            [entry.metadata["code"], entry.metadata["service"]].compactMap { $0 }
                .map { "\($0)" }.joined(separator: " ")
        }
    }
}

/// A signal that tasks wait for.
final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(of: Void.self) }

    func open() { continuation.finish() }

    func wait() async throws {
        for await _ in stream {}
        try Task.checkCancellation()
    }
}

/// A folder that lives as long as `body`.
func withFolder<R>(_ body: (URL) async throws -> R) async throws -> R {
    let folder = FileManager.default.temporaryDirectory
        .appending(path: "berth-daemon-\(UInt64.random(in: 0 ..< .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // temporary anyway
    return try await body(folder)
}

/// Waits until the file contains `text`, at most 30 s.
func waitForFile(_ file: URL, containing text: String) async throws {
    let end = ContinuousClock.now + .seconds(90)
    while !((try? String(contentsOf: file, encoding: .utf8))?.contains(text) ?? false) {
        try #require(ContinuousClock.now < end, "no \(text) in \(file.lastPathComponent)")
        _ = poll(nil, 0, 5)  // another process writes the file
    }
}
