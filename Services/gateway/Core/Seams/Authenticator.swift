package import SharedModels

/// Who answers "is this them?": the auth webhook, or a fake in tests.
package protocol Authenticator: Sendable {
    /// Asks once; the implementation retries what may be retried within its own time limit.
    ///
    /// - Throws: `CodedError` when no answer could be had. A refusal is an answer, not an error.
    func decide(_ request: AuthRequest) async throws -> AuthResponse
}

/// What the gateway was told to use for each SSH method; `nil` where nothing is configured.
package struct Authenticators: Sendable {
    package var password: (any Authenticator)?
    package var publicKey: (any Authenticator)?
    /// Asked after a method succeeded.
    package var authorization: (any Authenticator)?

    package init(
        password: (any Authenticator)? = nil,
        publicKey: (any Authenticator)? = nil,
        authorization: (any Authenticator)? = nil
    ) {
        self.password = password
        self.publicKey = publicKey
        self.authorization = authorization
    }

    /// The method names for USERAUTH_FAILURE, in the order in which clients should try them.
    package var methodNames: [String] {
        (publicKey == nil ? [] : ["publickey"]) + (password == nil ? [] : ["password"])
    }
}
