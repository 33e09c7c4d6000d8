import Logging
import SharedMessages
import SharedSSH

/// Forwards in the words of a workspace and of the log.
extension ForwardTarget {
    var destination: DialDestination {
        get throws {
            switch self {
            case .tcp(let host, let port, _):
                guard let port = UInt16(exactly: port), port != 0 else {
                    throw CodedError(.forwardBadTarget, detail: "port \(port)")
                }
                return .tcp(host: host, port: port)
            case .unixSocket(let path):
                return .unixSocket(path: try checkedPath(path))
            }
        }
    }

    var labels: Logger.Metadata {
        switch self {
        case .tcp(let host, let port, let originator):
            [
                "target": "\(host) port \(port)",
                "originator": "\(originator.host) port \(originator.port)",
            ]
        case .unixSocket(let path): ["target": "\(path)"]
        }
    }
}

extension ForwardAddress {
    var place: ListenPlace {
        get throws {
            switch self {
            case .tcp(let host, let port):
                guard let port = UInt16(exactly: port) else {
                    throw CodedError(.forwardBadTarget, detail: "port \(port)")
                }
                return .tcp(host: host, port: port)
            case .unixSocket(let path):
                return .unixSocket(path: try checkedPath(path))
            }
        }
    }

    /// With the port that port 0 has become: by that the client cancels it.
    func bound(to port: UInt16?) -> Self {
        guard case .tcp(let host, port: 0) = self, let port else { return self }
        return .tcp(host: host, port: UInt32(port))
    }

    /// What the client is told about a connection: the address as it was asked for, as OpenSSH
    /// refuses any other.
    func opening(_ accepted: AcceptedStream) -> ServerChannelOpening {
        switch self {
        case .tcp(let host, let port):
            .forwardedTCP(host: host, port: port, originator: accepted.origin)
        case .unixSocket(let path): .forwardedUnixSocket(path: path)
        }
    }

    var labels: Logger.Metadata {
        switch self {
        case .tcp(let host, let port): ["place": "\(host.isEmpty ? "*" : host) port \(port)"]
        case .unixSocket(let path): ["place": "\(path)"]
        }
    }
}

extension AcceptedStream {
    var origin: ForwardOrigin {
        ForwardOrigin(
            host: originator?.host ?? "127.0.0.1",
            port: UInt32(originator?.port ?? 0)
        )
    }
}

extension ListenPlace {
    /// For the log.
    var kind: String {
        switch self {
        case .tcp: "tcp"
        case .unixSocket: "socket"
        case .x11: "x11"
        case .agent: "agent"
        }
    }
}

/// unix(7) allows 107 bytes and a NUL; none may be inside.
private func checkedPath(_ path: String) throws -> String {
    guard (1...107).contains(path.utf8.count), !path.utf8.contains(0) else {
        throw CodedError(.forwardBadTarget, detail: "a path of \(path.utf8.count) bytes")
    }
    return path
}
