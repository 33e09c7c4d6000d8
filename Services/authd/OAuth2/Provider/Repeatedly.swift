import SharedMessages

/// Makes a call that may be made again, at most three times.
func repeatedly<Value>(_ call: () async throws -> Value) async throws -> Value {
    for pause in [Duration.milliseconds(200), .milliseconds(800)] {
        do {
            return try await call()
        } catch let error as CodedError where error.isRetryable {
            try await Task.sleep(for: pause)
        }
    }
    return try await call()
}
