/// Runs `body`, and cancels it once `limit` has passed; then throws `late`.
///
/// `discard` gets the value of a `body` that was done nevertheless when nobody took it any more.
package func within<Value: Sendable>(
    _ limit: Duration,
    late: @autoclosure () -> any Error,
    discard: @Sendable (Value) async -> Void = { _ in },
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let result = await withTaskGroup(of: Result<Value, any Error>?.self) { group in
        group.addTask {
            do {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        group.addTask {
            do {
                try await Task.sleep(for: limit)
                return nil
            } catch {
                return .failure(error)
            }
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        for await rest in group {
            if case .success(let value)? = rest { await discard(value) }
        }
        return first
    }
    guard let result else { throw late() }
    return try result.get()
}
