package import SharedConfig
package import SharedModels

/// What the config webhook is asked: the body of `POST` to its URL.
package struct ConfigRequest: Sendable, Hashable {
    package var head: AuthRequestHead
    /// The verified identity; empty where the auth webhook named none.
    package var authenticatedUsername: String
    /// Where the client is: two capital letters; empty where nobody knows.
    package var country: String

    package init(head: AuthRequestHead, authenticatedUsername: String = "", country: String = "") {
        self.head = head
        self.authenticatedUsername = authenticatedUsername
        self.country = country
    }

    /// Names of the body's fields.
    enum Key {
        static let remoteAddress = "remoteAddress"
        static let connectionID = "connectionId"
        static let clientVersion = "clientVersion"
        static let username = "username"
        static let authenticatedUsername = "authenticatedUsername"
        static let country = "country"
    }
}

extension ConfigRequest {
    /// The body: what is empty and optional is left out.
    package var tree: ConfigTree {
        var map: [String: ConfigTree] = [
            Key.remoteAddress: .string(head.remoteAddress),
            Key.connectionID: .string(head.connectionID),
            Key.clientVersion: .string(head.clientVersion),
            Key.username: .string(head.username),
        ]
        if !authenticatedUsername.isEmpty {
            map[Key.authenticatedUsername] = .string(authenticatedUsername)
        }
        if !country.isEmpty { map[Key.country] = .string(country) }
        head.carried.write(to: &map)
        return .map(map)
    }

    /// Reads a body; unknown fields are ignored, `username` must be there. Throws the fields that
    /// are missing or of the wrong type.
    package init(_ tree: ConfigTree) throws(ConfigProblems) {
        var fields = WireFields(tree)
        let head = AuthRequestHead(
            remoteAddress: fields.string(Key.remoteAddress),
            connectionID: fields.string(Key.connectionID),
            clientVersion: fields.string(Key.clientVersion),
            username: fields.string(Key.username, isNeeded: true),
            carried: fields.metadata()
        )
        self.init(
            head: head,
            authenticatedUsername: fields.string(Key.authenticatedUsername),
            country: fields.string(Key.country)
        )
        try fields.check()
    }

    /// What of it a webhook is told.
    package func sent(to config: ConfigServerConfig) -> ConfigRequest {
        var request = self
        if !config.transmitSensitiveMetadata {
            request.head.carried = request.head.carried.withoutSensitive
        }
        return request
    }
}
