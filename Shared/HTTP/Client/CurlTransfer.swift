import CCurl
import NIOCore
import SharedConfig

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Everything libcurl needs for one hop of one call.
struct CurlPlan: Sendable {
    var method: HTTPCall.Method
    /// Absolute `http` or `https` URL.
    var url: String
    /// Connect to this Unix socket instead of the URL's host.
    var socketPath: String?
    var headers: HTTPHeaderList
    var body: [UInt8]
    /// Sent in place of `body`.
    var pieces: [ByteBuffer]
    /// Sent in place of `body`.
    var file: HTTPFileBody?
    var timeLimit: HTTPCall.TimeLimit
    var connectTimeout: Duration
    var tls: HTTPClientOptions.TLSOptions
}

/// What libcurl reported, by the numbers of libcurl-errors(3).
struct CurlFailure: Error, CustomStringConvertible {
    var number: UInt32
    var text: String

    var description: String { "libcurl \(number): \(text)" }
}

/// One easy handle and what its callbacks fill in.
///
/// `@unchecked Sendable`: it is made on the caller's side, but every `var` and the handle are
/// touched only by the thread of its `CurlLoop`; `stream` and `plan` are Sendable themselves.
@safe final class CurlTransfer: @unchecked Sendable {
    /// Header fields of one reply, names and values together.
    private static let headerLimit = 128 << 10

    let plan: CurlPlan
    let stream = ReplyStream()

    private(set) var easy: UnsafeMutableRawPointer?
    private(set) var isEnded = false
    private var headerLines: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>
    private let body: UnsafeMutableBufferPointer<UInt8>
    private var source: UploadSource?
    private var pieces = PieceSource([])

    private var status = 0
    private var fields: [HTTPHeaderList.Field] = []
    private var headerBytes = 0
    private var isHeadDone = false

    init(_ plan: CurlPlan) {
        self.plan = plan
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        // At least one byte, so that libcurl gets a pointer for an empty body too.
        unsafe body = .allocate(capacity: max(plan.body.count, 1))
        _ = unsafe body.initialize(from: plan.body)
    }

    deinit {
        unsafe errorText.deallocate()
        unsafe body.deallocate()
    }

    /// Makes the handle; on the loop's thread.
    func open() throws(CurlFailure) -> UnsafeMutableRawPointer {
        guard let handle = unsafe curl_easy_init() else {
            throw CurlFailure(number: CURLE_OUT_OF_MEMORY.rawValue, text: "no handle")
        }
        unsafe easy = handle
        let options = unsafe CurlHandle(handle)
        try setRequest(options)
        try setLimits(options)
        try setTLS(options)
        try setCallbacks(options)
        return unsafe handle
    }

    /// Frees the handle; on the loop's thread, after it left the multi handle.
    func close() {
        isEnded = true
        if let easy = unsafe easy { unsafe curl_easy_cleanup(easy) }
        unsafe easy = nil
        unsafe curl_slist_free_all(headerLines)
        unsafe headerLines = nil
        source = nil
        pieces = PieceSource([])
    }

    /// Tells the reader how the transfer ended.
    func finish(_ code: CURLcode) {
        guard code != CURLE_OK else { return stream.finish(.success(())) }
        stream.finish(.failure(failure(code)))
    }

    func failure(_ code: CURLcode) -> CurlFailure {
        let detail = unsafe String(cString: errorText)
        let general = unsafe String(cString: curl_easy_strerror(code))
        return CurlFailure(number: code.rawValue, text: detail.isEmpty ? general : detail)
    }

    // MARK: Callbacks, on the loop's thread

    /// Returns false for a header that is longer than we accept.
    fileprivate func receivedHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= Self.headerLimit else { return false }
        guard !isHeadDone else { return true }  // a trailer
        var text = unsafe String(decoding: line, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        if text.hasPrefix("HTTP/") {
            status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            fields = []
        } else if text.isEmpty {
            finishHead()
        } else if let colon = text.firstIndex(of: ":") {
            fields.append(field(text, colon))
        }
        return true
    }

    private func field(_ line: String, _ colon: String.Index) -> HTTPHeaderList.Field {
        let value = line[line.index(after: colon)...]
            .drop { $0 == " " || $0 == "\t" }
        return .init(name: String(line[..<colon]), value: String(value))
    }

    /// 1xx replies only announce the real one (RFC 9110 §15.2).
    private func finishHead() {
        guard status >= 200 else { return }
        isHeadDone = true
        stream.received(HTTPReplyHead(status: status, headers: HTTPHeaderList(fields)))
    }

    fileprivate func receivedBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        let chunk = unsafe [UInt8](bytes)
        return stream.offer(chunk) ? bytes.count : Int(CURL_WRITEFUNC_PAUSE)
    }
}

// MARK: - Options

extension CurlTransfer {
    /// Bytes that libcurl asks for at a time: parts of uploads are long.
    private static let uploadBuffer = 512 << 10

    private func setPieces(_ handle: CurlHandle) throws(CurlFailure) {
        pieces = PieceSource(plan.pieces)
        try setReading(handle, length: pieces.length)
    }

    private func setFileBody(_ handle: CurlHandle, _ file: HTTPFileBody) throws(CurlFailure) {
        source = try UploadSource(file)
        try setReading(handle, length: file.length)
    }

    private func read(into space: UnsafeMutableRawBufferPointer) -> Int? {
        plan.file == nil ? unsafe pieces.read(into: space) : unsafe source?.read(into: space)
    }

    private func seek(to offset: Int64) -> Bool {
        plan.file == nil ? pieces.seek(to: offset) : source?.seek(to: offset) ?? false
    }

    /// The body is read by callbacks, so that nobody has to hold it as a whole.
    private func setReading(_ handle: CurlHandle, length: UInt64) throws(CurlFailure) {
        let this = unsafe Unmanaged.passUnretained(self).toOpaque()
        try handle.setSize(CURLOPT_POSTFIELDSIZE_LARGE, Int(clamping: length))
        try handle.set(CURLOPT_UPLOAD_BUFFERSIZE, Self.uploadBuffer)
        try unsafe handle.set(CURLOPT_READDATA, this)
        try unsafe handle.set(CURLOPT_SEEKDATA, this)
        try unsafe handle.setCallback(CURLOPT_READFUNCTION) { bytes, size, count, this in
            guard let this = unsafe this, let bytes = unsafe bytes else {
                return Int(CURL_READFUNC_ABORT)
            }
            let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(this).takeUnretainedValue()
            let space = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
            return unsafe transfer.read(into: space) ?? Int(CURL_READFUNC_ABORT)
        }
        try unsafe handle.setSeek { this, offset, origin in
            guard let this = unsafe this, origin == SEEK_SET else { return CURL_SEEKFUNC_FAIL }
            let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(this).takeUnretainedValue()
            return transfer.seek(to: Int64(offset)) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
        }
    }
}

extension CurlTransfer {
    private func setRequest(_ handle: CurlHandle) throws(CurlFailure) {
        try handle.set(CURLOPT_URL, plan.url)
        try handle.set(CURLOPT_PATH_AS_IS, 1)  // what was signed is what is sent
        try handle.set(CURLOPT_PROTOCOLS_STR, "http,https")
        try handle.set(CURLOPT_PROXY, "")
        try handle.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try handle.set(CURLOPT_FOLLOWLOCATION, 0)
        if let socketPath = plan.socketPath {
            try handle.set(CURLOPT_UNIX_SOCKET_PATH, socketPath)
        }
        try setBody(handle)
        try handle.set(CURLOPT_CUSTOMREQUEST, plan.method.rawValue)
        try setHeaders(handle)
    }

    private func setBody(_ handle: CurlHandle) throws(CurlFailure) {
        switch plan.method {
        case .head:
            try handle.set(CURLOPT_NOBODY, 1)
        case .get where plan.body.isEmpty, .delete where plan.body.isEmpty:
            try handle.set(CURLOPT_HTTPGET, 1)
        case .get, .delete, .post, .put, .patch:
            try handle.set(CURLOPT_POST, 1)
            if let file = plan.file { return try setFileBody(handle, file) }
            if !plan.pieces.isEmpty { return try setPieces(handle) }
            try handle.setSize(CURLOPT_POSTFIELDSIZE_LARGE, plan.body.count)
            try unsafe handle.set(CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(body.baseAddress))
        }
    }

    private func setHeaders(_ handle: CurlHandle) throws(CurlFailure) {
        var lines = plan.headers.fields.map {
            $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)"
        }
        if plan.headers["Content-Type"] == nil { lines.append("Content-Type:") }
        if plan.headers["Accept"] == nil { lines.append("Accept:") }
        if plan.headers["User-Agent"] == nil { lines.append("User-Agent: Berth") }
        lines.append("Expect:")
        for line in lines {
            guard let longer = unsafe curl_slist_append(headerLines, line) else {
                throw CurlFailure(number: CURLE_OUT_OF_MEMORY.rawValue, text: "no header")
            }
            unsafe headerLines = longer
        }
        try unsafe handle.set(CURLOPT_HTTPHEADER, headerLines)
    }

    private func setLimits(_ handle: CurlHandle) throws(CurlFailure) {
        try handle.set(CURLOPT_NOSIGNAL, 1)
        try handle.set(CURLOPT_CONNECTTIMEOUT_MS, plan.connectTimeout.wholeMilliseconds)
        switch plan.timeLimit {
        case .total(let limit):
            try handle.set(CURLOPT_TIMEOUT_MS, limit.wholeMilliseconds)
        case .idle(let limit):
            try handle.set(CURLOPT_LOW_SPEED_LIMIT, 1)
            try handle.set(CURLOPT_LOW_SPEED_TIME, max(1, limit.wholeMilliseconds / 1000))
        case .unlimited:
            break
        }
    }

    private func setTLS(_ handle: CurlHandle) throws(CurlFailure) {
        guard plan.url.hasPrefix("https:") else { return }
        let tls = plan.tls
        let lowest = tls.minimumVersion == .v13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2
        try handle.set(CURLOPT_SSLVERSION, Int(lowest))
        if let roots = tls.trustedRoots {
            try handle.setBlob(CURLOPT_CAINFO_BLOB, roots)
            try handle.clear(CURLOPT_CAPATH)  // else the system's roots are trusted beside them
        }
        if let certificate = tls.certificate {
            try handle.setBlob(CURLOPT_SSLCERT_BLOB, certificate)
            try handle.set(CURLOPT_SSLCERTTYPE, "PEM")
        }
        if let key = tls.privateKey {
            try handle.setBlob(CURLOPT_SSLKEY_BLOB, key)
            try handle.set(CURLOPT_SSLKEYTYPE, "PEM")
        }
        try setAlgorithms(handle)
    }

    private func setAlgorithms(_ handle: CurlHandle) throws(CurlFailure) {
        let curves = plan.tls.curves.map(\.openSSLName)
        if !curves.isEmpty {
            try handle.set(CURLOPT_SSL_EC_CURVES, curves.joined(separator: ":"))
        }
        let classic = plan.tls.ciphers.filter { !$0.isTLS13 }.map(\.openSSLName)
        if !classic.isEmpty {
            try handle.set(CURLOPT_SSL_CIPHER_LIST, classic.joined(separator: ":"))
        }
        let modern = plan.tls.ciphers.filter(\.isTLS13).map(\.openSSLName)
        if !modern.isEmpty {
            try handle.set(CURLOPT_TLS13_CIPHERS, modern.joined(separator: ":"))
        }
    }

    /// The handle borrows `self`: the loop keeps a reference until after `close()`.
    private func setCallbacks(_ handle: CurlHandle) throws(CurlFailure) {
        let this = unsafe Unmanaged.passUnretained(self).toOpaque()
        try unsafe handle.set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
        try unsafe handle.set(CURLOPT_WRITEDATA, this)
        try unsafe handle.set(CURLOPT_HEADERDATA, this)
        try unsafe handle.setCallback(CURLOPT_WRITEFUNCTION) { bytes, size, count, this in
            guard let this = unsafe this, let bytes = unsafe bytes else { return 0 }
            let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(this).takeUnretainedValue()
            return unsafe transfer.receivedBody(.init(start: bytes, count: size * count))
        }
        try unsafe handle.setCallback(CURLOPT_HEADERFUNCTION) { bytes, size, count, this in
            guard let this = unsafe this, let bytes = unsafe bytes else { return 0 }
            let transfer = unsafe Unmanaged<CurlTransfer>.fromOpaque(this).takeUnretainedValue()
            let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
            return unsafe transfer.receivedHeader(line) ? line.count : 0
        }
    }
}

extension Duration {
    /// Rounded up, so that a limit is never zero, which libcurl reads as none.
    var wholeMilliseconds: Int {
        let (seconds, fraction) = components
        let whole = Int(clamping: seconds).multipliedReportingOverflow(by: 1000)
        guard !whole.overflow, whole.partialValue < Int(Int32.max) else { return Int(Int32.max) }
        return max(
            1,
            whole.partialValue + Int((fraction + 999_999_999_999_999) / 1_000_000_000_000_000)
        )
    }
}
