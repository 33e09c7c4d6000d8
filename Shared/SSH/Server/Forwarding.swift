package import NIOCore

/// Where a client wants a channel to lead, as seen from the server's side.
package enum ForwardTarget: Sendable, Hashable {
    /// `direct-tcpip` (RFC 4254 §7.2). The port is the 32-bit number of the wire, not yet checked.
    case tcp(host: String, port: UInt32, originator: ForwardOrigin)
    /// `direct-streamlocal@openssh.com` (OpenSSH's PROTOCOL §2.4).
    case unixSocket(path: String)
}

/// Who made a connection that is forwarded, as the side says where it was made. For logs; nobody
/// vouches for it.
package struct ForwardOrigin: Sendable, Hashable {
    package var host: String
    package var port: UInt32

    package init(host: String, port: UInt32) {
        self.host = host
        self.port = port
    }
}

/// Where a client wants connections to be accepted for it on the server's side.
package enum ForwardAddress: Sendable, Hashable {
    /// `tcpip-forward` (RFC 4254 §7.1): an empty host means all interfaces, port 0 any free port.
    case tcp(host: String, port: UInt32)
    /// `streamlocal-forward@openssh.com` (OpenSSH's PROTOCOL §2.4).
    case unixSocket(path: String)
}

/// The answer to a request to listen.
package enum ListenReply: Sendable, Hashable {
    /// Connections are accepted from now on. `port` is the one that is bound, `nil` for a socket.
    case listening(port: UInt32?)
    /// REQUEST_FAILURE has no room for a text (RFC 4254 §4): this one is for the recording.
    case refused(text: String)
}

/// A channel that a server opens to its client.
package enum ServerChannelOpening: Sendable, Hashable {
    /// `forwarded-tcpip` (RFC 4254 §7.2): the address as it was asked for, the port as bound.
    case forwardedTCP(host: String, port: UInt32, originator: ForwardOrigin)
    /// `forwarded-streamlocal@openssh.com`.
    case forwardedUnixSocket(path: String)
    /// RFC 4254 §6.3.2.
    case x11(originator: ForwardOrigin)
    /// `auth-agent@openssh.com`.
    case agent
}

/// The peer refused a channel (RFC 4254 §5.1), or one more would be too many.
package struct ChannelOpenRefused: Error, Sendable, Hashable {
    /// See `ChannelOpenFailureReason`; unknown numbers are kept.
    package var reason: UInt32
    package var text: String

    package init(reason: UInt32, text: String) {
        self.reason = reason
        self.text = text
    }
}

/// An `x11-req` (RFC 4254 §6.3.1).
package struct X11Request: Sendable, Hashable {
    /// Only one connection shall be forwarded.
    package var isSingleConnection: Bool
    /// The authentication protocol, for example `MIT-MAGIC-COOKIE-1`.
    package var protocolName: String
    /// Hexadecimal digits. A secret: not for logs.
    package var cookie: String
    package var screen: UInt32

    package init(
        isSingleConnection: Bool,
        protocolName: String,
        cookie: String,
        screen: UInt32
    ) {
        self.isSingleConnection = isSingleConnection
        self.protocolName = protocolName
        self.cookie = cookie
        self.screen = screen
    }
}

/// Something a client asked for whose payload did not parse; it has been refused already.
package struct MalformedRequest: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case channelOpen
        case globalRequest
    }

    package var kind: Kind
    /// The name of the channel type or of the request.
    package var type: String
    package var payload: ByteBuffer

    package init(kind: Kind, type: String, payload: ByteBuffer) {
        self.kind = kind
        self.type = type
        self.payload = payload
    }
}
