/// The body of `POST /gssapi`: one step of a Kerberos login (RFC 4462).
///
/// The head is that of every other question of the auth webhook.
package struct GSSAPIRequest: Sendable, Hashable {
    package var head: AuthRequestHead
    package var step: Step

    package enum Step: Sendable, Hashable {
        /// The next token of the context's establishment; the first one has an empty `state`.
        case token([UInt8], state: String)
        /// The context is there: what the client has signed with it, and the MIC over that.
        case proof(signed: [UInt8], mic: [UInt8], state: String)
    }

    package init(head: AuthRequestHead, step: Step) {
        self.head = head
        self.step = step
    }
}

/// What is said to a step of a Kerberos login: a verdict, as to every question, or that the
/// exchange goes on.
package enum GSSAPIResponse: Sendable, Hashable {
    case verdict(AuthResponse)
    case goesOn(GSSAPIContinuation)
}

/// How the exchange goes on: with a token for the client, or with its proof.
package struct GSSAPIContinuation: Sendable, Hashable {
    /// For the client; may be empty.
    package var token: [UInt8]
    /// Comes back with the next step; opaque to everybody but the webhook.
    package var state: String

    package init(token: [UInt8], state: String) {
        self.token = token
        self.state = state
    }

    /// Longer tokens and states are refused, in bytes.
    package static let maximumToken = 64 * 1024
    package static let maximumState = 1024
}
