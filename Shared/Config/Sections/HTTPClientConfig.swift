/// How an HTTP service is called; the keys stand directly in the section that uses it.
package struct HTTPClientConfig: ConfigSection {
    /// Base URL: `http://`, `https://` or `unix:///path/to/socket`; empty means "not configured".
    package var url = ""
    package var allowRedirects = false
    /// For one call, at least 100 ms.
    package var timeout: Duration = .seconds(2)
    /// The only trusted roots if set; the system's otherwise.
    package var caCertificate = PEMSource()
    /// The client certificate; needs `key`.
    package var certificate = PEMSource()
    package var key = PEMSource()
    package var tlsVersion = TLSVersion.v13
    package var curves = TLSCurve.allCases
    package var ciphers = TLSCipherSuite.standard

    package init() {}

    package init(url: String) {
        self.url = url
    }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("url", &url)
        visitor.field("allowRedirects", &allowRedirects)
        visitor.field("timeout", &timeout)
        visitor.field("cacert", &caCertificate)
        visitor.field("cert", &certificate)
        visitor.field("key", &key)
        visitTLS(&visitor, version: &tlsVersion, curves: &curves, ciphers: &ciphers)
    }

    /// Checks a block that is in use; an empty URL is a problem of the section that needs one.
    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(url.isEmpty || Self.isURL(url), "url", masked, "must be an absolute URL")
        list.check(
            timeout >= .milliseconds(100),
            "timeout",
            timeout.goText,
            "must be at least 100ms"
        )
        list.check(certificate.isEmpty == key.isEmpty, "cert", nil, "and key must be set together")
        list.check(!curves.isEmpty, "curves", nil, "must not be empty")
        list.check(!ciphers.isEmpty, "cipher", nil, "must not be empty")
        return list.problems
    }

    /// The rules of a block whose URL must be given.
    func problemsWithURL(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(!url.isEmpty, "url", nil, "must be set")
        return list.problems + problems(at: path)
    }

    /// The URL for a message, without what may be a password.
    private var masked: String {
        guard let start = url.firstRange(of: "//"), let at = url.lastIndex(of: "@"),
            start.upperBound <= at
        else { return url }
        return url[..<start.upperBound] + "***" + url[at...]
    }

    static func isURL(_ text: String) -> Bool {
        guard let scheme = ["http://", "https://", "unix:///"].first(where: text.hasPrefix) else {
            return false
        }
        let rest = text.dropFirst(scheme.count)
        let printable = rest.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F }
        return !rest.isEmpty && !rest.hasPrefix("/") && printable
    }
}

extension TLSCipherSuite {
    /// The suites that are offered unless the configuration says otherwise.
    package static let standard: [TLSCipherSuite] = [
        .aes128GCM, .aes256GCM, .chaCha20, .ecdheRSAAES128GCM, .ecdheECDSAAES128GCM,
    ]
}

/// Visits the three TLS keys that clients and servers share.
func visitTLS(
    _ visitor: inout some ConfigVisitor,
    version: inout TLSVersion,
    curves: inout [TLSCurve],
    ciphers: inout [TLSCipherSuite]
) {
    visitor.field("tlsVersion", &version)
    var curveList = ColonList(curves)
    visitor.field("curves", &curveList)
    curves = curveList.items
    var cipherList = ColonList(ciphers)
    visitor.field("cipher", &cipherList)
    ciphers = cipherList.items
}
