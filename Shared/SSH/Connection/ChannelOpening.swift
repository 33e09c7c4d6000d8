package import NIOCore

/// What a channel is for, read from the open message (RFC 4254 §6.1, §6.3.2, §7.2; OpenSSH's
/// PROTOCOL §2.4).
package enum ChannelOpening: Sendable, Hashable {
    case session
    case direct(ForwardTarget)
    case fromServer(ServerChannelOpening)

    /// The type's name on the wire.
    package var type: String {
        switch self {
        case .session: "session"
        case .direct(let target): target.channelType
        case .fromServer(let opening): opening.channelType
        }
    }

    /// Whether a peer in `role` may open channels of this type.
    static func isKnown(_ type: String, openedBy role: TransportRole) -> Bool {
        switch role {
        case .client: clientTypes.contains(type)
        case .server: serverTypes.contains(type)
        }
    }

    private static let clientTypes: Set = [
        "session", "direct-tcpip", "direct-streamlocal@openssh.com",
    ]
    private static let serverTypes: Set = [
        "forwarded-tcpip", "forwarded-streamlocal@openssh.com", "x11", "auth-agent@openssh.com",
    ]

    /// `nil` when the payload does not parse, or nobody knows the type.
    package init?(type: String, payload: ByteBuffer) {
        var payload = payload
        do throws(WireError) {
            guard let opening = try Self.read(type, &payload) else { return nil }
            try payload.requireSSHEnd()
            self = opening
        } catch {
            return nil
        }
    }

    private static func read(
        _ type: String,
        _ payload: inout ByteBuffer
    ) throws(WireError) -> Self? {
        switch type {
        case "session":
            // What follows is not ours to judge: nobody has ever sent anything.
            payload.moveReaderIndex(to: payload.writerIndex)
            return .session
        case "direct-tcpip":
            let (host, port) = try payload.readAddress()
            let originator = try ForwardOrigin(reading: &payload)
            return .direct(.tcp(host: host, port: port, originator: originator))
        case "direct-streamlocal@openssh.com":
            let path = try payload.readSSHText(limit: longestName)
            // A reserved string and a reserved number.
            _ = try payload.readSSHString()
            _ = try payload.readSSHUInt32()
            return .direct(.unixSocket(path: path))
        case "forwarded-tcpip":
            let (host, port) = try payload.readAddress()
            let originator = try ForwardOrigin(reading: &payload)
            return .fromServer(.forwardedTCP(host: host, port: port, originator: originator))
        case "forwarded-streamlocal@openssh.com":
            let path = try payload.readSSHText(limit: longestName)
            _ = try payload.readSSHString()
            return .fromServer(.forwardedUnixSocket(path: path))
        case "x11": return .fromServer(.x11(originator: try ForwardOrigin(reading: &payload)))
        case "auth-agent@openssh.com": return .fromServer(.agent)
        default: return nil
        }
    }

    /// The most bytes of a host name or a path: PATH_MAX, and more than a name may have.
    static let longestName = 4096

    /// What follows the generic fields of the open message.
    package var payload: ByteBuffer {
        var payload = ByteBuffer()
        switch self {
        case .session, .fromServer(.agent):
            break
        case .direct(.tcp(let host, let port, let originator)),
            .fromServer(.forwardedTCP(let host, let port, let originator)):
            payload.writeSSHString(host)
            payload.writeInteger(port)
            originator.write(into: &payload)
        case .direct(.unixSocket(let path)):
            payload.writeSSHString(path)
            payload.writeSSHString("")
            payload.writeInteger(0, as: UInt32.self)
        case .fromServer(.forwardedUnixSocket(let path)):
            payload.writeSSHString(path)
            payload.writeSSHString("")
        case .fromServer(.x11(let originator)):
            originator.write(into: &payload)
        }
        return payload
    }
}

extension ForwardTarget {
    /// The channel type's name on the wire.
    package var channelType: String {
        switch self {
        case .tcp: "direct-tcpip"
        case .unixSocket: "direct-streamlocal@openssh.com"
        }
    }
}

extension ServerChannelOpening {
    /// The channel type's name on the wire.
    package var channelType: String {
        switch self {
        case .forwardedTCP: "forwarded-tcpip"
        case .forwardedUnixSocket: "forwarded-streamlocal@openssh.com"
        case .x11: "x11"
        case .agent: "auth-agent@openssh.com"
        }
    }
}

extension ForwardOrigin {
    init(reading payload: inout ByteBuffer) throws(WireError) {
        (host, port) = try payload.readAddress()
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeSSHString(host)
        buffer.writeInteger(port)
    }
}

extension ByteBuffer {
    mutating func readAddress() throws(WireError) -> (host: String, port: UInt32) {
        let host = try readSSHText(limit: ChannelOpening.longestName)
        return (host, try readSSHUInt32())
    }
}
