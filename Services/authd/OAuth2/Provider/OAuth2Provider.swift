/// What one kind of provider does; the conversation around it is the same for all.
///
/// Every function throws an `OAuth2Refusal` for a person who is not let in, and a `CodedError` for
/// a provider that cannot be asked or whose answer cannot be used.
protocol OAuth2Provider: Sendable {
    /// RFC 8628.
    var offersDevice: Bool { get }
    /// RFC 6749 §4.1.
    var offersCode: Bool { get }

    func beginDevice() async throws -> DeviceGrant

    /// Asks once whether the person is done.
    func poll(_ grant: DeviceGrant) async throws -> DeviceAnswer

    /// Where the person logs in.
    func authorizationURL(_ request: CodeRequest) async throws -> String

    /// Takes the token for a code that the person has pasted; once, as a code counts once.
    func redeem(_ code: String, verifier: String) async throws -> TokenReply

    /// Who the token's owner is. `nonce` is what the login by code has sent along, `username` the
    /// login name as typed.
    func identity(
        _ token: TokenReply,
        nonce: String?,
        username: String
    ) async throws -> OAuth2Identity
}

/// What the token endpoint says while the person logs in elsewhere (RFC 8628 §3.5).
enum DeviceAnswer: Sendable, Hashable {
    case token(TokenReply)
    case pending
    case slowDown(Int?)
}

/// A token, and what came with it (RFC 6749 §5.1).
struct TokenReply: Sendable, Hashable {
    var accessToken: String
    /// Empty where none was sent.
    var idToken: String
    /// `nil` where the provider says nothing about them: then they are those asked for.
    var scopes: Set<String>?
    var isOfDeviceFlow = false
}
