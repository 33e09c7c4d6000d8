import SharedMessages

/// Why a request to the store did not do what it should.
struct S3Failure: Error, CustomStringConvertible {
    /// A small closed set, fit as a label of metrics.
    enum Reason: String, Sendable, CaseIterable {
        /// No connection, broken off, or silent for too long.
        case network
        /// 401 or 403.
        case denied
        /// 429, or 503 with a request to slow down.
        case throttled
        /// Another 5xx.
        case server
        /// Another 3xx or 4xx.
        case rejected
        /// An answer that is not one of S3.
        case reply
        /// The bucket does not have what was sent.
        case content
        /// The spool's own file.
        case disk
        /// No keys to sign with.
        case credentials
    }

    var reason: Reason
    /// 0 without an answer.
    var status = 0
    /// As S3 calls it, such as `NoSuchUpload`; empty if there is none.
    var code = ""
    var detail = ""

    var isMissingUpload: Bool { code == "NoSuchUpload" }
    var isMissing: Bool { status == 404 }

    /// The parts that were named to be joined are not those that the bucket has.
    var isWrongParts: Bool {
        ["InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"].contains(code)
    }

    /// Other keys may help.
    var isAboutKeys: Bool {
        reason == .denied
            || ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"].contains(code)
    }

    var description: String {
        [reason.rawValue, status == 0 ? "" : "status \(status)", code, detail]
            .filter { !$0.isEmpty }.joined(separator: ", ")
    }

    init(_ reason: Reason, status: Int = 0, code: String = "", detail: String = "") {
        self.reason = reason
        self.status = status
        self.code = code
        self.detail = detail
    }

    /// What a reply with an error says.
    init(status: Int, body: [UInt8]) {
        let error = try? XMLElement(body)  // without one the status has to do
        let isError = error?.name == "Error" || error?.name == "ErrorResponse"
        let part = error?.first("Error") ?? error
        let code = isError ? Self.word(part?["Code"] ?? "") : ""
        switch status {
        case 401, 403: reason = .denied
        case 429: reason = .throttled
        case 503 where code == "SlowDown" || code.isEmpty: reason = .throttled
        case 500...: reason = .server
        default: reason = .rejected
        }
        self.status = status
        self.code = code
    }

    /// Codes are words; anything else would only fill the log.
    private static func word(_ text: String) -> String {
        let isWord = text.utf8.count <= 64 && text.allSatisfy { $0.isASCII && $0.isLetter }
        return isWord ? text : ""
    }

    init(_ error: any Error) {
        switch error {
        case let failure as S3Failure: self = failure
        case let error as FileError: self.init(.disk, detail: "\(error)")
        case let error as CodedError where error.code == .httpClientReplyTooLarge:
            self.init(.reply, detail: "\(error)")
        default: self.init(.network, detail: "\(error)")
        }
    }
}
