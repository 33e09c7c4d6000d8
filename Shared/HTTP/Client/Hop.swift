import SharedMessages

/// The rules for following redirects (RFC 9110 §15.4), and the call as it is after each.
struct Hop {
    private var call: HTTPCall
    private var url: String
    private var followed = 0
    private let maximum: Int
    /// When the whole call has to be over; `nil` where only silence is limited.
    private let deadline: ContinuousClock.Instant?

    init(_ call: HTTPCall, base: String, options: HTTPClientOptions) throws(CodedError) {
        self.call = call
        url = base + call.path
        maximum = options.maximumRedirects
        switch call.timeLimit ?? .total(options.timeout) {
        case .total(let limit): deadline = .now + limit
        case .idle, .unlimited: deadline = nil
        }
    }

    /// 300, 304 and 305 have a `Location` at most for people.
    static func isRedirect(_ status: Int) -> Bool { [301, 302, 303, 307, 308].contains(status) }

    func plan(_ options: HTTPClientOptions, socketPath: String?) throws(CodedError) -> CurlPlan {
        let limit = deadline.map { HTTPCall.TimeLimit.total($0 - .now) } ?? call.timeLimit
        return CurlPlan(
            method: call.method,
            url: url,
            socketPath: socketPath,
            headers: call.headers,
            body: call.body,
            pieces: call.pieces,
            file: call.file,
            timeLimit: limit ?? .total(options.timeout),
            connectTimeout: options.connectTimeout,
            tls: options.tls
        )
    }

    /// Moves to `location`. Only 307 and 308 keep method and body; a change of origin drops
    /// credentials; `https` never becomes `http`.
    mutating func follow(_ location: String, status: Int) throws(CodedError) {
        guard followed < maximum else { throw refused("after \(maximum) redirects") }
        followed += 1
        guard let target = CurlURL(url) else { throw refused("from an address that is not valid") }
        let (origin, scheme) = (target.origin, target.scheme)
        guard target.follow(location), ["http", "https"].contains(target.scheme) else {
            throw refused("to an address that is not http or https")
        }
        guard scheme == "http" || target.scheme == "https" else {
            throw refused("from https to http")
        }
        if target.origin != origin {
            call.headers["Authorization"] = nil
            call.headers["Cookie"] = nil
        }
        if status != 307, status != 308 { dropBody() }
        url = target.text
    }

    private mutating func dropBody() {
        if call.method != .head { call.method = .get }
        call.body = []
        call.pieces = []
        call.file = nil
        call.headers["Content-Type"] = nil
    }

    private func refused(_ why: String) -> CodedError {
        CodedError(.httpClientRedirectRefused, detail: "redirected \(why)")
    }
}
