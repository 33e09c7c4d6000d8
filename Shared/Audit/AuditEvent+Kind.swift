/// The number, identifier and name of a message type.
package struct AuditKind: Sendable, Hashable {
    package let number: Int32
    package let id: String
    package let name: String

    init(_ number: Int32, _ id: String, _ name: String) {
        self.number = number
        self.id = id
        self.name = name
    }
}

extension AuditEvent {
    /// The entry of the message catalogue that this event belongs to.
    package var kind: AuditKind {
        switch self {
        case .connect: .connect
        case .disconnect: .disconnect
        case .passwordAttempt: .passwordAttempt
        case .passwordAccepted: .passwordAccepted
        case .passwordRefused: .passwordRefused
        case .passwordUnavailable: .passwordUnavailable
        case .publicKeyAttempt: .publicKeyAttempt
        case .publicKeyAccepted: .publicKeyAccepted
        case .publicKeyRefused: .publicKeyRefused
        case .publicKeyUnavailable: .publicKeyUnavailable
        case .challenge: .challenge
        case .challengeAnswer: .challengeAnswer
        case .challengeRefused: .challengeRefused
        case .challengeUnavailable: .challengeUnavailable
        case .handshakeFailed: .handshakeFailed
        case .handshakeSuccessful: .handshakeSuccessful
        case .unknownGlobalRequest, .gap, .container, .kerberos: .unknownGlobalRequest
        case .malformedGlobalRequest: .malformedGlobalRequest
        case .forwardTCP: .forwardTCP
        case .cancelForwardTCP: .cancelForwardTCP
        case .forwardSocket: .forwardSocket
        case .cancelForwardSocket: .cancelForwardSocket
        case .newChannel: .newChannel
        case .newChannelAccepted: .newChannelAccepted
        case .newChannelRefused: .newChannelRefused
        case .directTCP: .directTCP
        case .forwardedTCP: .forwardedTCP
        case .x11Channel: .x11Channel
        case .directSocket: .directSocket
        case .forwardedSocket: .forwardedSocket
        case .unknownRequest: .unknownRequest
        case .malformedRequest: .malformedRequest
        case .environment: .environment
        case .exec: .exec
        case .terminal: .terminal
        case .shell: .shell
        case .signal: .signal
        case .subsystem: .subsystem
        case .windowChange: .windowChange
        case .x11Request: .x11Request
        case .closeWrite: .closeWrite
        case .close: .close
        case .exitSignal: .exitSignal
        case .exit: .exit
        case .io: .io
        case .requestFailed: .requestFailed
        }
    }
}

extension AuditKind {
    static let connect = Self(0, "connect", "Connect")
    static let disconnect = Self(1, "disconnect", "Disconnect")
    static let passwordAttempt = Self(100, "auth_password", "Password authentication")
    static let passwordAccepted = Self(
        101,
        "auth_password_successful",
        "Password authentication successful"
    )
    static let passwordRefused = Self(
        102,
        "auth_password_failed",
        "Password authentication failed"
    )
    static let passwordUnavailable = Self(
        103,
        "auth_password_backend_error",
        "Password authentication backend error"
    )
    static let publicKeyAttempt = Self(104, "auth_pubkey", "Public key authentication")
    static let publicKeyAccepted = Self(
        105,
        "auth_pubkey_successful",
        "Public key authentication successful"
    )
    static let publicKeyRefused = Self(
        106,
        "auth_pubkey_failed",
        "Public key authentication failed"
    )
    static let publicKeyUnavailable = Self(
        107,
        "auth_pubkey_backend_error",
        "Public key authentication backend error"
    )
    static let challenge = Self(
        108,
        "auth_keyboard_interactive_challenge",
        "Keyboard-interactive authentication challenge"
    )
    static let challengeAnswer = Self(
        109,
        "auth_keyboard_interactive_answer",
        "Keyboard-interactive authentication answer"
    )
    static let challengeRefused = Self(
        110,
        "auth_keyboard_interactive_failed",
        "Keyboard-interactive authentication failed"
    )
    static let challengeUnavailable = Self(
        111,
        "auth_keyboard_interactive_backend_error",
        "Keyboard-interactive authentication backend error"
    )
    static let handshakeFailed = Self(198, "handshake_failed", "Handshake failed")
    static let handshakeSuccessful = Self(199, "handshake_successful", "Handshake successful")
    static let unknownGlobalRequest = Self(
        200,
        "global_request_unknown",
        "Unknown global request"
    )
    static let malformedGlobalRequest = Self(
        201,
        "global_request_decode_failed",
        "Failed to decode global request"
    )
    static let forwardTCP = Self(202, "forward_tcpip", "Request reverse port forwarding")
    static let cancelForwardTCP = Self(
        203,
        "cancel_forward_tcpip",
        "Request to stop reverse port forwarding"
    )
    static let forwardSocket = Self(
        204,
        "forward_streamlocal",
        "Request reverse socket forwarding"
    )
    static let cancelForwardSocket = Self(
        205,
        "cancel_forward_streamlocal",
        "Request to stop reverse socket forwarding"
    )
    static let newChannel = Self(300, "new_channel", "New channel request")
    static let newChannelAccepted = Self(
        301,
        "new_channel_successful",
        "New channel successful"
    )
    static let newChannelRefused = Self(302, "new_channel_failed", "New channel failed")
    static let directTCP = Self(
        303,
        "new_channel_direct_tcpip",
        "New client-to-server port forwarding channel"
    )
    static let forwardedTCP = Self(
        304,
        "new_channel_forwarded_tcpip",
        "New server-to-client port forwarding channel"
    )
    static let x11Channel = Self(
        305,
        "new_channel_x11",
        "New server-to-client X11 forwarding channel"
    )
    static let directSocket = Self(
        306,
        "new_channel_direct_streamlocal",
        "New client-to-server unix socket forwarding channel"
    )
    static let forwardedSocket = Self(
        307,
        "new_channel_forwarded_streamlocal",
        "New server-to-client unix socket forwarding channel"
    )
    static let unknownRequest = Self(
        400,
        "channel_request_unknown",
        "Unknown channel request"
    )
    static let malformedRequest = Self(
        401,
        "channel_request_decode_failed",
        "Failed to decode channel request"
    )
    static let environment = Self(402, "setenv", "Set environment variable")
    static let exec = Self(403, "exec", "Execute program")
    static let terminal = Self(404, "pty", "Request interactive terminal")
    static let shell = Self(405, "shell", "Run shell")
    static let signal = Self(406, "signal", "Send signal to running process")
    static let subsystem = Self(407, "subsystem", "Request subsystem")
    static let windowChange = Self(408, "window", "Change window size")
    static let x11Request = Self(409, "x11-req", "Request X11 forwarding")
    static let closeWrite = Self(496, "close_write", "Close channel for writing")
    static let close = Self(497, "close", "Close channel")
    static let exitSignal = Self(498, "exit_signal", "Program exited with signal")
    static let exit = Self(499, "exit", "Program exited")
    static let io = Self(500, "io", "I/O")
    static let requestFailed = Self(501, "request_failed", "Request failed")
}
