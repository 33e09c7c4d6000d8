/// What the gateway tells an auth webhook with every question.
package struct AuthRequestHead: Sendable, Hashable {
    /// `IP:port` of the client, IPv6 in brackets.
    package var remoteAddress: String
    /// 32 lower-case hexadecimal digits.
    package var connectionID: String
    /// The client's identification line, for example `SSH-2.0-OpenSSH_9.6`.
    package var clientVersion: String
    /// The login name as typed.
    package var username: String
    /// What earlier answers for this connection said.
    package var carried: ConnectionMetadata

    package init(
        remoteAddress: String,
        connectionID: String,
        clientVersion: String,
        username: String,
        carried: ConnectionMetadata = .init()
    ) {
        self.remoteAddress = remoteAddress
        self.connectionID = connectionID
        self.clientVersion = clientVersion
        self.username = username
        self.carried = carried
    }
}

/// What an auth webhook is asked.
package enum AuthQuestion: Sendable, Hashable {
    /// The raw password bytes.
    case password([UInt8])
    /// One line `type base64` without a comment.
    case publicKey(String)
    /// A certificate that is in order, and whether its authority may say so.
    case certificate(CertificateQuestion)
    /// Whether the verified identity may log in under the typed name.
    case authorization(authenticatedUsername: String)
}

/// The body of `POST /password`, `/pubkey`, `/certificate` and `/authz`; also decoded by authd.
package struct AuthRequest: Sendable, Hashable {
    package var head: AuthRequestHead
    package var question: AuthQuestion

    package init(head: AuthRequestHead, question: AuthQuestion) {
        self.head = head
        self.question = question
    }
}

/// The answer of an auth webhook. Unknown keys are ignored, every key but `success` is optional.
package struct AuthResponse: Sendable, Hashable {
    package var success: Bool
    /// The verified identity; `nil` where the webhook named none.
    package var authenticatedUsername: String?
    package var carried: ConnectionMetadata
    /// A text that the person may see; empty for none.
    package var reason: String
    /// With a refusal: there is nobody of the name that was typed. The person does not learn it;
    /// where they come from may pay for it.
    package var unknownUser: Bool
    /// What a yes does not allow; `nil` for nothing.
    package var restrictions: CredentialRestrictions?
    /// How long ago the webhook gave this answer, if it does not answer now; never on the wire.
    package var age: Duration?

    package init(
        success: Bool,
        authenticatedUsername: String? = nil,
        carried: ConnectionMetadata = .init(),
        reason: String = "",
        unknownUser: Bool = false,
        restrictions: CredentialRestrictions? = nil,
        age: Duration? = nil
    ) {
        self.success = success
        self.authenticatedUsername = authenticatedUsername
        self.carried = carried
        self.reason = reason
        self.unknownUser = unknownUser
        self.restrictions = restrictions
        self.age = age
    }
}
