package import HTTPTypes
package import SharedMessages

/// Thrown by a route handler to refuse a request; becomes an `ErrorBody`.
package struct HTTPRefusal: Error, Sendable {
    package var status: HTTPResponse.Status
    package var code: MessageCode
    /// For the caller, without secrets.
    package var message: String

    package init(_ status: HTTPResponse.Status, _ code: MessageCode, _ message: String? = nil) {
        self.status = status
        self.code = code
        self.message = message ?? code.explanation
    }
}
