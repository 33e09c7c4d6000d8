import CCurl

/// Takes URLs apart by libcurl's own rules (libcurl-url(3)), so that what is checked is what is
/// called.
@safe final class CurlURL {
    private let handle: OpaquePointer

    /// `nil` for what is not an absolute URL with a host.
    init?(_ text: String) {
        guard let handle = unsafe curl_url() else { return nil }
        unsafe self.handle = handle
        guard unsafe curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK else { return nil }
    }

    deinit { unsafe curl_url_cleanup(handle) }

    /// Follows a reference, absolute or relative, as RFC 3986 §5.2 says.
    func follow(_ reference: String) -> Bool {
        unsafe curl_url_set(handle, CURLUPART_URL, reference, 0) == CURLUE_OK
    }

    var text: String { part(CURLUPART_URL) }
    var scheme: String { part(CURLUPART_SCHEME) }

    var host: String { part(CURLUPART_HOST) }
    /// The scheme's own where none is given.
    var port: Int { Int(part(CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT))) ?? 0 }

    /// Scheme, host and port: credentials are not sent to another one.
    var origin: String {
        "\(scheme)://\(host):\(part(CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)))"
    }

    /// Without user, query and fragment, fit for a log line.
    var loggable: String { origin + part(CURLUPART_PATH) }

    private func part(_ part: CURLUPart, _ flags: UInt32 = 0) -> String {
        var text: UnsafeMutablePointer<CChar>?
        guard unsafe curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text = unsafe text
        else { return "" }
        defer { unsafe curl_free(text) }
        return unsafe String(cString: text)
    }
}
