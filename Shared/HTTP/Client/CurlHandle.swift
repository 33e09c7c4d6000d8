import CCurl

/// Typed calls of curl_easy_setopt(3) on one easy handle, which it does not own.
@safe struct CurlHandle {
    private let easy: UnsafeMutableRawPointer

    init(_ easy: UnsafeMutableRawPointer) { unsafe self.easy = easy }

    func set(_ option: CURLoption, _ value: Int) throws(CurlFailure) {
        try check(option, unsafe berth_curl_set_long(easy, option, value))
    }

    func setSize(_ option: CURLoption, _ value: Int) throws(CurlFailure) {
        try check(option, unsafe berth_curl_set_size(easy, option, curl_off_t(value)))
    }

    /// libcurl copies the text.
    func set(_ option: CURLoption, _ value: String) throws(CurlFailure) {
        try check(option, unsafe berth_curl_set_string(easy, option, value))
    }

    func clear(_ option: CURLoption) throws(CurlFailure) {
        try check(option, unsafe berth_curl_set_string(easy, option, nil))
    }

    func setBlob(_ option: CURLoption, _ value: String) throws(CurlFailure) {
        let bytes = Array(value.utf8)
        let code = unsafe bytes.withUnsafeBytes {
            unsafe berth_curl_set_blob(easy, option, $0.baseAddress, $0.count)
        }
        try check(option, code)
    }

    /// libcurl keeps the pointer.
    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) throws(CurlFailure) {
        try check(option, unsafe berth_curl_set_pointer(easy, option, value))
    }

    /// libcurl keeps the list.
    func set(
        _ option: CURLoption,
        _ value: UnsafeMutablePointer<curl_slist>?
    ) throws(CurlFailure) {
        try check(option, unsafe berth_curl_set_list(easy, option, value))
    }

    func setCallback(
        _ option: CURLoption,
        _ value: @escaping curl_write_callback
    ) throws(CurlFailure) {
        try check(option, unsafe berth_curl_set_callback(easy, option, value))
    }

    func setSeek(_ value: @escaping curl_seek_callback) throws(CurlFailure) {
        try check(CURLOPT_SEEKFUNCTION, unsafe berth_curl_set_seek(easy, value))
    }

    private func check(_ option: CURLoption, _ code: CURLcode) throws(CurlFailure) {
        guard code != CURLE_OK else { return }
        let text = unsafe String(cString: curl_easy_strerror(code))
        throw CurlFailure(number: code.rawValue, text: "option \(option.rawValue): \(text)")
    }
}
