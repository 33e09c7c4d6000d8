import SharedConfig

/// The API server's answer to a call that it did not perform: a `Status` object, or whatever came
/// in its place.
package struct ClusterRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The HTTP status; 0 where what came was no HTTP.
    package let status: Int
    /// The machine's word for it (`NotFound`, `AlreadyExists`, `Forbidden`, `Expired` …), or empty.
    package let reason: String
    /// The server's words; at most some hundred characters.
    package let message: String
    /// How long the server wants to be left alone.
    package let retryAfter: Duration?

    package init(status: Int, reason: String = "", message: String, retryAfter: Duration? = nil) {
        self.status = status
        self.reason = reason
        self.message = message
        self.retryAfter = retryAfter
    }

    /// Whether the same call may succeed later: the server failed, is busy, or two calls have met,
    /// as happens where a quota is counted.
    package var isRetryable: Bool {
        switch status {
        case 0, 429: true
        case 409: reason == "Conflict"
        default: status >= 500 && status != 501
        }
    }

    package var description: String {
        let word = reason.isEmpty ? "" : " (\(reason))"
        return "status \(status)\(word): \(message)"
    }

    private static let longestMessage = 500

    /// Reads a reply's body; one of another form is shown as it is.
    init(status: Int, body: [UInt8], retryAfter: String?) {
        // No JSON: then it is text, from a proxy for example.
        let object = (try? JSONTree.parse(body))?.tree
        let isStatus = object?["kind"] == "Status"
        let text =
            isStatus
            ? object?.text("message") ?? "" : String(decoding: body.prefix(2000), as: UTF8.self)
        let seconds =
            retryAfter.flatMap { Int64($0) }
            ?? object?[path: ["details", "retryAfterSeconds"]]?
            .wholeNumber.map { Int64($0) }
        self.init(
            status: status,
            reason: isStatus ? object?.text("reason") ?? "" : "",
            message: String(text.prefix(Self.longestMessage)),
            retryAfter: seconds.map { .seconds(max(0, min($0, 3600))) }
        )
    }
}

/// Why the API server could not be talked to at all.
package struct ClusterUnreachable: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// A stream or reply that breaks its own rules.
package enum ClusterFault: Error, Sendable, Hashable {
    /// In these words.
    case malformed(String)
    /// More bytes than anybody needs for this.
    case tooLarge(String)
    /// It ended in the middle.
    case cutShort
    /// Nothing has come for too long, not even an answer to a ping.
    case silent
}
