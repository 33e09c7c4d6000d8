import NIOCore

/// A global request about listening (RFC 4254 §7.1; OpenSSH's PROTOCOL §2.4).
package enum ListenRequest: Sendable, Hashable {
    case begin(ForwardAddress)
    case cancel(ForwardAddress)

    /// Whether `type` is one of these requests at all.
    static func isKnown(_ type: String) -> Bool {
        switch type {
        case "tcpip-forward", "cancel-tcpip-forward", "streamlocal-forward@openssh.com",
            "cancel-streamlocal-forward@openssh.com":
            true
        default: false
        }
    }

    /// `nil` when it is another request or its payload does not parse.
    package init?(_ request: GlobalRequest) {
        var payload = request.payload
        do throws(WireError) {
            switch request.type {
            case "tcpip-forward": self = .begin(try .readTCP(&payload))
            case "cancel-tcpip-forward": self = .cancel(try .readTCP(&payload))
            case "streamlocal-forward@openssh.com": self = .begin(try .readSocket(&payload))
            case "cancel-streamlocal-forward@openssh.com":
                self = .cancel(try .readSocket(&payload))
            default: return nil
            }
            try payload.requireSSHEnd()
        } catch {
            return nil
        }
    }

    /// The request as a client sends it.
    package var wire: GlobalRequest {
        let (address, verb) =
            switch self {
            case .begin(let address): (address, "")
            case .cancel(let address): (address, "cancel-")
            }
        var payload = ByteBuffer()
        let type: String
        switch address {
        case .tcp(let host, let port):
            type = "tcpip-forward"
            payload.writeSSHString(host)
            payload.writeInteger(port)
        case .unixSocket(let path):
            type = "streamlocal-forward@openssh.com"
            payload.writeSSHString(path)
        }
        return GlobalRequest(type: verb + type, payload: payload, wantsReply: true)
    }

    /// The success of this request as a reply: the port only where it was left open.
    func success(port: UInt32?) -> GlobalReply {
        guard case .begin(.tcp(_, port: 0)) = self, let port else { return .success(ByteBuffer()) }
        return .success(ByteBuffer(integer: port))
    }
}

extension ForwardAddress {
    fileprivate static func readTCP(_ payload: inout ByteBuffer) throws(WireError) -> Self {
        let (host, port) = try payload.readAddress()
        return .tcp(host: host, port: port)
    }

    fileprivate static func readSocket(_ payload: inout ByteBuffer) throws(WireError) -> Self {
        .unixSocket(path: try payload.readSSHText(limit: ChannelOpening.longestName))
    }
}
