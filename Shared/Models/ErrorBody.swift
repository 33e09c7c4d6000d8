/// The one body of every refused or failed HTTP call between daemons.
package struct ErrorBody: Sendable, Hashable, Codable {
    /// The message code.
    package var code: String
    /// What it means, without secrets.
    package var message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}
