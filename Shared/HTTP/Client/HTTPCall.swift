package import NIOCore
package import SharedMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One request to be made by an `HTTPClient`.
package struct HTTPCall: Sendable {
    package enum Method: String, Sendable, Hashable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
        case patch = "PATCH"
    }

    /// How long a call may take.
    package enum TimeLimit: Sendable, Hashable {
        /// From the start to the last byte, redirects included.
        case total(Duration)
        /// The longest silence of the peer, in whole seconds and at least one. Time during which
        /// our side does not read is not counted.
        case idle(Duration)
        /// None; only for a stream that its reader ends.
        case unlimited
    }

    package var method: Method
    /// Appended to the client's URL as it is, query included; the caller percent-encodes.
    package var path: String
    package var headers: HTTPHeaderList
    package var body: [UInt8]
    /// Sent in place of `body`, one after the other and without being put together before; for
    /// `post`, `put` and `patch`.
    package var pieces: [ByteBuffer]
    /// Sent in place of `body`; for `post`, `put` and `patch`.
    package var file: HTTPFileBody?
    /// What stands for the path in traces, without what differs from call to call.
    package var route: String?
    /// `nil` takes the client's `timeout` as a total limit.
    package var timeLimit: TimeLimit?
    /// Most bytes that `send` accepts as the reply's body; `nil` takes the client's limit.
    package var replyLimit: Int?

    package init(
        _ method: Method,
        _ path: String,
        headers: HTTPHeaderList = [:],
        body: [UInt8] = [],
        pieces: [ByteBuffer] = [],
        file: HTTPFileBody? = nil,
        timeLimit: TimeLimit? = nil,
        replyLimit: Int? = nil
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.pieces = pieces
        self.file = file
        self.timeLimit = timeLimit
        self.replyLimit = replyLimit
    }

    /// A call whose body is `value` as JSON, with the content type and `Accept` set.
    ///
    /// Throws a `CodedError` with code `HTTP_CLIENT_ENCODE_FAILED`.
    package static func json(
        _ method: Method,
        _ path: String,
        _ value: some Encodable,
        timeLimit: TimeLimit? = nil
    ) throws(CodedError) -> HTTPCall {
        let body: [UInt8]
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.withoutEscapingSlashes]
            body = [UInt8](try encoder.encode(value))
        } catch {
            throw CodedError(
                .httpClientEncodeFailed,
                detail: "\(method.rawValue) \(path)",
                cause: error
            )
        }
        let headers: HTTPHeaderList = [
            "Content-Type": "application/json", "Accept": "application/json",
        ]
        return HTTPCall(method, path, headers: headers, body: body, timeLimit: timeLimit)
    }
}
