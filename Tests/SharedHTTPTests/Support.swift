import Foundation
import Logging
import ServiceLifecycle
import SharedConfig
import SharedHTTP
import SharedMessages
import Synchronization
import Testing

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// The message code that `body` fails with; `nil` when it does not or fails with something else.
func code(_ body: () async throws -> some Any) async -> MessageCode? {
    do {
        _ = try await body()
        return nil
    } catch {
        return (error as? CodedError)?.code
    }
}

/// A folder of its own, removed at the end.
func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory
        .appending(path: "berth-http-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // leftovers harm nobody
    return try await body(folder)
}

/// Waits until `condition` holds, at most ten seconds.
func eventually(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(90)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "condition never held")
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// Runs `service` while `body` runs, then stops it gracefully and waits for its end.
func withService<Result>(
    _ service: HTTPService,
    _ body: (ListenAddress) async throws -> Result
) async throws -> Result {
    let group = ServiceGroup(
        configuration: .init(services: [service], logger: quiet)
    )
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let result = try await body(try await service.boundAddress())
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return result
    }
}

extension ListenAddress {
    var port: Int {
        if case .tcp(_, let port) = self { return port }
        return 0
    }
}
