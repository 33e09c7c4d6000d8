import SharedConfig
package import SharedModels

/// Who answers "is this them?": the auth webhook, or a fake in tests.
package protocol Authenticator: Sendable {
    /// Asks once, for a client in `country`; the implementation retries what may be retried within its own time limit.
    ///
    /// - Throws: `CodedError` when no answer could be had. A refusal is an answer, not an error.
    func decide(_ request: AuthRequest, country: String) async throws -> AuthResponse
}

/// An authenticator that can be given less time than it would take.
package protocol PatientAuthenticator: Authenticator {
    /// As `decide(_:country:)`, trying again for `patience` at most.
    func decide(
        _ request: AuthRequest,
        country: String,
        within patience: Duration
    ) async throws -> AuthResponse
}

/// Who leads a conversation at login: the auth webhook, or a fake in tests.
package protocol KeyboardInteractiveSource: Sendable {
    /// Takes one step; retries as an `Authenticator` does.
    ///
    /// - Throws: `CodedError` when no answer could be had. A refusal is an answer, not an error.
    func converse(_ request: KeyboardRequest, country: String) async throws -> KeyboardResponse
}

/// Who takes a client's Kerberos tokens: the auth webhook, or a fake in tests.
package protocol GSSAPISource: Sendable {
    /// Takes one step, once: a token that was seen before would be refused.
    ///
    /// - Throws: `CodedError` when no answer could be had. A refusal is an answer, not an error.
    func negotiate(_ request: GSSAPIRequest, country: String) async throws -> GSSAPIResponse
}

/// What the gateway was told to use for each SSH method, `nil` where nothing is configured, and
/// what it demands besides.
package struct Authenticators: Sendable {
    package var password: (any Authenticator)?
    package var publicKey: (any Authenticator)?
    /// Asked about certificates in the place of `publicKey`.
    package var certificate: (any Authenticator)?
    package var keyboardInteractive: (any KeyboardInteractiveSource)?
    package var gssapi: (any GSSAPISource)?
    /// Asked once every method that must succeed has.
    package var authorization: (any Authenticator)?
    package var rules: LoginRules

    package init(
        password: (any Authenticator)? = nil,
        publicKey: (any Authenticator)? = nil,
        certificate: (any Authenticator)? = nil,
        keyboardInteractive: (any KeyboardInteractiveSource)? = nil,
        gssapi: (any GSSAPISource)? = nil,
        authorization: (any Authenticator)? = nil,
        rules: LoginRules = LoginRules()
    ) {
        self.password = password
        self.publicKey = publicKey
        self.certificate = certificate
        self.keyboardInteractive = keyboardInteractive
        self.gssapi = gssapi
        self.authorization = authorization
        self.rules = rules
    }

    /// The methods somebody answers for, in the order in which clients should try them.
    var methods: [AuthMethod] {
        AuthMethod.allCases.filter {
            switch $0 {
            case .publicKey:
                publicKey != nil || certificate != nil || rules.certificates?.isAuthority == true
            case .password: password != nil
            case .keyboardInteractive: keyboardInteractive != nil
            case .gssapi: gssapi != nil
            }
        }
    }

    /// What USERAUTH_FAILURE names first.
    package var methodNames: [String] {
        guard !rules.require.chains.isEmpty else { return methods.map(\.rawValue) }
        return rules.require.next(after: []).filter(methods.contains).map(\.rawValue)
    }
}
