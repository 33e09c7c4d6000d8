/// Runs `body`, and cancels it once `limit` has passed; then throws `late`.
func within<Value: Sendable>(
    _ limit: Duration,
    late: @autoclosure () -> any Error,
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
        defer { group.cancelAll() }
        return await group.next() ?? nil
    }
    guard let result else { throw late() }
    return try result.get()
}

/// Waits before a repetition: the first times briefly, then up to `longest`.
struct BackOff {
    private var next: Duration
    private let factor: Int
    private let longest: Duration

    init(from first: Duration, factor: Int = 2, upTo longest: Duration) {
        next = first
        self.factor = factor
        self.longest = longest
    }

    mutating func take() -> Duration {
        defer { next = min(next * factor, longest) }
        return next
    }
}
