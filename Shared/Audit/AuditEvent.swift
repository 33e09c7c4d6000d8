package import NIOCore

/// What can be recorded: every message type of recording format version 2 with its payload.
///
/// The numbers, names and keys are in `AuditEvent+Kind.swift` and `AuditEvent+Fields.swift`. Byte
/// strings and lists that are `nil` are written as null, which is how a value that was kept out
/// of the recording (a password, say) looks. Type numbers are never added: readers of the
/// original stop at the first one that they don't know.
package enum AuditEvent: Sendable, Hashable {
    /// Always first. The address is an IP without port or zone; the country has two letters, `XX`
    /// where it is unknown.
    case connect(remoteAddress: String, country: String)
    /// Always last.
    case disconnect

    case passwordAttempt(username: String, password: [UInt8]?)
    case passwordAccepted(username: String, password: [UInt8]?)
    case passwordRefused(username: String, password: [UInt8]?)
    case passwordUnavailable(username: String, password: [UInt8]?, reason: String)
    /// The key is one line `type base64` without a comment.
    case publicKeyAttempt(username: String, key: String)
    case publicKeyAccepted(username: String, key: String)
    case publicKeyRefused(username: String, key: String)
    case publicKeyUnavailable(username: String, key: String, reason: String)
    case challenge(username: String, instruction: String, questions: [Question]?)
    case challengeAnswer(username: String, answers: [Answer]?)
    case challengeRefused(username: String)
    case challengeUnavailable(username: String, reason: String)
    case handshakeFailed(reason: String)
    case handshakeSuccessful(username: String)

    case unknownGlobalRequest(type: String)
    case malformedGlobalRequest(requestID: UInt64, type: String, payload: [UInt8]?, reason: String)
    case forwardTCP(bindHost: String, bindPort: UInt32)
    case cancelForwardTCP(bindHost: String, bindPort: UInt32)
    case forwardSocket(path: String)
    case cancelForwardSocket(path: String)

    case newChannel(type: String)
    case newChannelAccepted(type: String)
    case newChannelRefused(type: String, reason: String)
    case directTCP(host: String, port: UInt32, originatorHost: String, originatorPort: UInt32)
    case forwardedTCP(host: String, port: UInt32, originatorHost: String, originatorPort: UInt32)
    case x11Channel(originatorHost: String, originatorPort: UInt32)
    case directSocket(path: String)
    case forwardedSocket(path: String)

    case unknownRequest(requestID: UInt64, type: String, payload: [UInt8]?)
    case malformedRequest(requestID: UInt64, type: String, payload: [UInt8]?, reason: String)
    case environment(requestID: UInt64, name: String, value: String)
    case exec(requestID: UInt64, program: String)
    /// `modes` is the encoded string of terminal modes as the client sent it (RFC 4254 §8).
    case terminal(requestID: UInt64, term: String, size: Size, modes: [UInt8]?)
    case shell(requestID: UInt64)
    /// The name comes as the client sent it, without `SIG`.
    case signal(requestID: UInt64, name: String)
    case subsystem(requestID: UInt64, name: String)
    case windowChange(requestID: UInt64, size: Size)
    case x11Request(requestID: UInt64, X11)
    case closeWrite
    case close
    case exitSignal(name: String, coreDumped: Bool, message: String, languageTag: String)
    case exit(status: UInt32)

    case io(Stream, ByteBuffer?)
    /// Refers to the request of that number on the same channel.
    case requestFailed(requestID: UInt64, reason: String)

    /// Messages are missing here, as recording could not keep up and the delivery is
    /// `besteffort`. Written as an unknown global request of type `recording-gap@berth` with the
    /// extra keys `lostMessages` and `lostBytes`, which readers of the original show as such.
    case gap(lostMessages: UInt64, lostBytes: UInt64)
    /// What the backend calls the connection's container. Written as an unknown global request of
    /// type `container@berth` with the extra key `container`, likewise.
    case container(name: String)
    /// A login by Kerberos, for which the format has no message. Written as an unknown global request
    /// of type `gssapi@berth` with the extra keys `username`, `outcome` and `reason`, likewise.
    case kerberos(username: String, Outcome, reason: String)
}

extension AuditEvent {
    /// A question of a keyboard-interactive challenge.
    package struct Question: Sendable, Hashable {
        package var question: String
        /// Whether the client shows what is typed.
        package var echo: Bool

        package init(_ question: String, echo: Bool) {
            self.question = question
            self.echo = echo
        }
    }

    /// What was answered to a question; empty where answers are kept out of the recording.
    package struct Answer: Sendable, Hashable {
        package var question: String
        package var answer: String

        package init(_ question: String, answer: String) {
            self.question = question
            self.answer = answer
        }
    }

    /// How far a login has come.
    package enum Outcome: String, Sendable, Hashable {
        case attempt
        case successful
        case failed
        case unavailable
    }

    /// A terminal's size in characters and in pixels.
    package struct Size: Sendable, Hashable {
        package var columns: UInt32
        package var rows: UInt32
        package var width: UInt32
        package var height: UInt32

        package init(columns: UInt32, rows: UInt32, width: UInt32 = 0, height: UInt32 = 0) {
            self.columns = columns
            self.rows = rows
            self.width = width
            self.height = height
        }
    }

    /// What an `x11-req` asks for (RFC 4254 §6.3.1).
    package struct X11: Sendable, Hashable {
        package var singleConnection: Bool
        package var authProtocol: String
        package var cookie: String
        package var screen: UInt32

        package init(
            singleConnection: Bool,
            authProtocol: String,
            cookie: String,
            screen: UInt32
        ) {
            self.singleConnection = singleConnection
            self.authProtocol = authProtocol
            self.cookie = cookie
            self.screen = screen
        }
    }

    /// Which stream of a channel data belongs to. On channels that the client opened towards a
    /// target, 1 is client to target and 0 is target to client.
    package struct Stream: Sendable, Hashable {
        package var number: UInt64

        package init(number: UInt64) { self.number = number }

        package static let stdin = Self(number: 0)
        package static let stdout = Self(number: 1)
        package static let stderr = Self(number: 2)
    }
}
