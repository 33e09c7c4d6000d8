import Testing

/// Something did not happen in time.
struct NotInTime: Error, CustomStringConvertible {
    let description: String
}

/// Waits until `condition` holds, looking at it `every` so long; fails with the words of `what`
/// after `limit`.
func wait(
    _ limit: Duration = .seconds(90),
    for what: String,
    every pause: Duration = .milliseconds(50),
    until condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw NotInTime(description: "\(what): not so after \(limit)")
        }
        try await Task.sleep(for: pause)
    }
}
