/// Where a connection comes from in the words of the proxy that passed it on (HAProxy's
/// `proxy-protocol.txt`, versions 1 and 2).
package enum ProxyHeader: Sendable, Hashable {
    /// A client of the proxy: an IP address, IPv4-mapped ones as IPv4, and a port.
    case client(host: String, port: Int)
    /// A client of the proxy that came through a Unix socket.
    case localClient
    /// The proxy itself, for a health check, or a client it cannot name (LOCAL, UNKNOWN, UNSPEC):
    /// the connection's own address counts.
    case proxyItself
}

/// What the first bytes of a connection are.
enum ProxyHeaderReading: Sendable, Hashable {
    /// Too few to tell, or the header is not complete.
    case needsMore
    /// Not the beginning of a header.
    case absent
    /// A header of `length` bytes, after which the client's own bytes begin.
    case header(ProxyHeader, length: Int)
}

/// Why a PROXY header was not accepted.
package enum ProxyHeaderProblem: Error, Sendable, Hashable {
    /// It came from an address that is not trusted.
    case untrusted
    /// None came, where one must come.
    case missing
    /// It was not complete in time.
    case late
    /// The text says what is wrong with it.
    case malformed(String)
}

extension ProxyHeaderProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .untrusted: "a PROXY header came from an address that is not trusted"
        case .missing: "no PROXY header came first"
        case .late: "the PROXY header was not complete in time"
        case .malformed(let what): "the PROXY header is malformed: \(what)"
        }
    }
}
