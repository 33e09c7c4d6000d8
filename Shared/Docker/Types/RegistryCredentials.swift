#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a registry wants to know of whoever pulls; goes to the engine with the pull.
package struct RegistryCredentials: Sendable, Encodable {
    package var username: String?
    package var password: String?
    package var auth: String?
    package var email: String?
    package var serveraddress: String?
    package var identitytoken: String?
    package var registrytoken: String?

    package init(
        username: String? = nil,
        password: String? = nil,
        auth: String? = nil,
        email: String? = nil,
        serverAddress: String? = nil,
        identityToken: String? = nil,
        registryToken: String? = nil
    ) {
        self.username = username
        self.password = password
        self.auth = auth
        self.email = email
        serveraddress = serverAddress
        identitytoken = identityToken
        registrytoken = registryToken
    }

    /// The header's value: JSON in URL-safe base64 (RFC 4648 §5), with padding.
    func header() throws -> String {
        let text = try JSONEncoder().encode(self).base64EncodedString()
        return String(
            text.map { character -> Character in
                switch character {
                case "+": "-"
                case "/": "_"
                default: character
                }
            }
        )
    }
}
