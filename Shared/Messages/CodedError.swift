/// A failure that carries its message code and keeps apart what a person may see and what only
/// the operator may.
package struct CodedError: Error, Sendable {
    /// Which event this is.
    package let code: MessageCode
    /// What the person at the keyboard may read; never holds hosts, paths or secrets.
    package let personText: String?
    /// What the operator reads in the log, beside the code's explanation.
    package let detail: String
    /// The error below this one, if there is one.
    package let cause: (any Error)?
    /// Whether the same call may succeed when it is made again.
    package let isRetryable: Bool

    package init(
        _ code: MessageCode,
        detail: String = "",
        personText: String? = nil,
        cause: (any Error)? = nil,
        isRetryable: Bool = false
    ) {
        self.code = code
        self.personText = personText ?? code.personText
        self.detail = detail
        self.cause = cause
        self.isRetryable = isRetryable
    }
}

extension CodedError: CustomStringConvertible {
    package var description: String {
        let text = detail.isEmpty ? code.explanation : detail
        guard let cause else { return "\(code.id): \(text)" }
        return "\(code.id): \(text) (\(cause))"
    }
}
