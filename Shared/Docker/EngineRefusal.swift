/// The engine's answer to a call that it did not perform.
package struct EngineRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The HTTP status.
    package let status: Int
    /// The engine's words; at most some hundred characters.
    package let message: String

    package init(status: Int, message: String) {
        self.status = status
        self.message = message
    }

    /// Whether the same call may succeed later: the engine failed, rather than refused.
    package var isRetryable: Bool { status >= 500 && status != 501 }

    package var description: String { "status \(status): \(message)" }
}
