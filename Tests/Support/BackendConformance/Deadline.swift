/// Runs `body`; fails with the name of what hung once `limit` has passed.
///
/// `body` must stop when it is cancelled, as everything of a backend does.
package func within<Value: Sendable>(
    _ limit: Duration,
    _ what: String,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw ConformanceFailure("\(what): still not done after \(limit)")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else {
            throw ConformanceFailure("\(what): nothing ran")
        }
        return first
    }
}

/// Waits until `condition` holds, looking again every few milliseconds.
package func eventually(
    _ limit: Duration,
    _ what: String,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw ConformanceFailure("\(what): not so after \(limit)")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Fails with `claim` unless `holds`; `seen` is what was there instead.
func claim(_ claim: String, _ holds: Bool, seen: @autoclosure () -> String = "") throws {
    guard holds else {
        let found = seen()
        throw ConformanceFailure(found.isEmpty ? claim : "\(claim); seen: \(found)")
    }
}
