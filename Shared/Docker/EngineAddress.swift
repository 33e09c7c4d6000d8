package import SharedMessages

/// Where an engine listens and how it is reached.
package struct EngineAddress: Sendable, Hashable {
    package enum Endpoint: Sendable, Hashable {
        case unixSocket(path: String)
        case tcp(host: String, port: Int)
    }

    package let endpoint: Endpoint
    /// Whether bytes go through TLS.
    package let isEncrypted: Bool

    /// Reads `unix:///path`, `tcp://host:port`, `http://host:port` or `https://host:port`.
    ///
    /// `hasCertificate` turns `tcp://` and `http://` into TLS, as Docker's own client does. A port
    /// that is missing is 2376 with TLS, else 2375. Throws `DOCKER_CONFIG_ERROR`.
    package init(_ text: String, hasCertificate: Bool) throws(CodedError) {
        if text.hasPrefix("unix:///") {
            endpoint = .unixSocket(path: String(text.dropFirst("unix://".count)))
            isEncrypted = false
            return
        }
        let schemes = ["tcp://", "http://", "https://"]
        guard let scheme = schemes.first(where: text.hasPrefix) else {
            throw CodedError(
                .dockerConfigError,
                detail: "\(text) has none of the schemes unix://, tcp://, http://, https://"
            )
        }
        isEncrypted = scheme == "https://" || hasCertificate
        let rest = text.dropFirst(scheme.count).prefix { $0 != "/" }
        guard let (host, port) = Self.hostAndPort(rest, isEncrypted ? 2376 : 2375) else {
            throw CodedError(.dockerConfigError, detail: "\(text) names no host and port")
        }
        endpoint = .tcp(host: host, port: port)
    }

    /// The base URL for an `HTTPClient`.
    package var url: String {
        switch endpoint {
        case .unixSocket(let path): "unix://\(path)"
        case .tcp(let host, let port):
            "\(isEncrypted ? "https" : "http")://\(Self.bracketed(host)):\(port)"
        }
    }

    /// For the `Host` field of a request.
    var hostField: String {
        switch endpoint {
        case .unixSocket: "localhost"
        case .tcp(let host, let port): "\(Self.bracketed(host)):\(port)"
        }
    }

    private static func bracketed(_ host: String) -> String {
        host.contains(":") ? "[\(host)]" : host
    }

    private static func hostAndPort(_ text: Substring, _ standard: Int) -> (String, Int)? {
        var host = text
        var port = standard
        if let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") {
            guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else {
                return nil
            }
            host = text[..<colon]
            port = Int(number)
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return host.isEmpty ? nil : (String(host), port)
    }
}
