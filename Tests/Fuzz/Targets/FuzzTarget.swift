import NIOCore
import SharedSSH

/// A part of the gateway that is given arbitrary bytes. A run returns or it has found something:
/// a trap, or a broken promise, which is a `preconditionFailure` here.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// The server's transport: whatever a socket may bring before the keys.
    case clear
    /// Well-framed messages before the keys.
    case exchange
    /// Packets under the keys, their bytes changed on the way.
    case encrypted
    /// SERVICE_REQUEST and the authentication protocol, with any verdicts.
    case authentication
    /// The connection protocol, with any decisions of a handler.
    case connection
    /// The gateway's end of a guest agent's link.
    case link
    /// Keys, certificates, key files, revocation lists.
    case keys

    package func run(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        switch self {
        case .clear: Transport.clear(&input)
        case .exchange: Transport.exchange(&input)
        case .encrypted: Transport.encrypted(&input)
        case .authentication: Authentication.run(&input)
        case .connection: Connection.run(&input)
        case .link: Link.run(&input)
        case .keys: Keys.run(&input)
        }
    }
}
