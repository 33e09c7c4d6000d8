/// Where an API server listens.
package struct ClusterAddress: Sendable, Hashable {
    package let host: String
    package let port: Int
    package let isEncrypted: Bool
    /// What comes before `/api` in every path; empty or with a leading slash and none at its end.
    package let prefix: String

    /// Reads `host`, `host:port` or `http(s)://host[:port][/prefix]`; without a scheme it is
    /// HTTPS. `nil` for anything else.
    package init?(_ text: String) {
        var rest = text[...]
        var isEncrypted = true
        if rest.lowercased().hasPrefix("https://") {
            rest = rest.dropFirst("https://".count)
        } else if rest.lowercased().hasPrefix("http://") {
            rest = rest.dropFirst("http://".count)
            isEncrypted = false
        }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@"), !rest.contains("?"), !rest.contains("#"),
            let (host, port) = Self.hostAndPort(authority, isEncrypted ? 443 : 80)
        else { return nil }
        self.host = host
        self.port = port
        self.isEncrypted = isEncrypted
        var path = rest.dropFirst(authority.count)
        while path.hasSuffix("/") { path.removeLast() }
        prefix = String(path)
    }

    /// For the `Host` field of a request.
    var hostField: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

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
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0.isNewline }) else {
            return nil
        }
        return (String(host), port)
    }
}
