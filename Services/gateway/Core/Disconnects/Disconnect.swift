package import SharedMessages
package import SharedSSH

/// How a connection ended, in the words of RFC 4253 §11.1.
package struct Disconnect: Sendable, Hashable {
    package var reason: DisconnectReason
    package var side: Side
    /// What was said with it; the client's words where it gave the reason.
    package var text: String

    package enum Side: String, Sendable, Hashable, CaseIterable {
        /// This server gave the reason, or noticed the loss.
        case local
        case remote
    }

    package init(reason: DisconnectReason, side: Side, text: String) {
        self.reason = reason
        self.side = side
        self.text = text
    }

    /// Of a client that is not served at all.
    package init(_ refusal: ServerRefusal) {
        self.init(reason: refusal.reason, side: .local, text: refusal.text)
    }

    package init(_ end: ConnectionEnd) {
        switch end {
        case .byClient(let reason?, let text):
            self.init(reason: reason, side: .remote, text: text)
        case .byClient(nil, let text):
            self.init(reason: .connectionLost, side: .remote, text: text)
        case .byServer(let reason, let text):
            self.init(reason: reason, side: .local, text: text)
        case .lost(let text):
            self.init(reason: .connectionLost, side: .remote, text: text)
        case .silent:
            self.init(reason: .connectionLost, side: .local, text: "keepalives unanswered")
        case .graceExceeded:
            self.init(reason: .byApplication, side: .local, text: "login grace time exceeded")
        }
    }
}

extension DisconnectReason {
    private static let table: [Self: (name: String, code: MessageCode)] = [
        .hostNotAllowedToConnect: ("host_not_allowed", .sshDisconnectHostNotAllowed),
        .protocolError: ("protocol_error", .sshDisconnectProtocolError),
        .keyExchangeFailed: ("key_exchange_failed", .sshDisconnectKexFailed),
        .reserved: ("reserved", .sshDisconnectReserved),
        .macError: ("mac_error", .sshDisconnectMacError),
        .compressionError: ("compression_error", .sshDisconnectCompressionError),
        .serviceNotAvailable: ("service_not_available", .sshDisconnectServiceNotAvailable),
        .protocolVersionNotSupported: ("version_not_supported", .sshDisconnectVersionNotSupported),
        .hostKeyNotVerifiable: ("host_key_not_verified", .sshDisconnectHostKeyNotVerified),
        .connectionLost: ("connection_lost", .sshDisconnectConnectionLost),
        .byApplication: ("by_application", .sshDisconnectByApplication),
        .tooManyConnections: ("too_many_connections", .sshDisconnectTooManyConnections),
        .authenticationCancelled: ("auth_cancelled", .sshDisconnectAuthCancelled),
        .noMoreAuthenticationMethods: ("no_more_auth_methods", .sshDisconnectNoMoreMethods),
        .illegalUserName: ("illegal_user_name", .sshDisconnectIllegalUserName),
    ]

    /// For labels; one name for all reasons that RFC 4253 does not know.
    package var name: String { Self.table[self]?.name ?? "unknown" }

    package var code: MessageCode { Self.table[self]?.code ?? .sshDisconnectUnknown }
}
