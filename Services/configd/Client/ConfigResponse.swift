package import SharedConfig
package import SharedModels

/// What the config webhook answers.
package struct ConfigResponse: Sendable, Hashable {
    /// Laid over the static configuration as a JSON Merge Patch; `.null`: no change.
    package var config: ConfigTree
    /// Laid over what the connection carries already.
    package var carried: ConnectionMetadata
    /// Replaces the identity for the backend; `nil` leaves it.
    package var authenticatedUsername: String?

    package init(
        config: ConfigTree = .null,
        carried: ConnectionMetadata = .init(),
        authenticatedUsername: String? = nil
    ) {
        self.config = config
        self.carried = carried
        self.authenticatedUsername = authenticatedUsername
    }
}

extension ConfigResponse {
    /// The body of the reply.
    package var tree: ConfigTree {
        var map: [String: ConfigTree] = ["config": config == .null ? [:] : config]
        if let authenticatedUsername {
            map[ConfigRequest.Key.authenticatedUsername] = .string(authenticatedUsername)
        }
        carried.write(to: &map)
        return .map(map)
    }

    /// Reads a reply; unknown fields are ignored, everything may be absent. Throws the fields of
    /// the wrong type.
    ///
    /// `emptyValues` says what a value that is empty in its type means. A server that cannot
    /// leave keys out shows itself by the address `<nil>:0`, which no connection has.
    package init(
        _ tree: ConfigTree,
        emptyValues: ConfigServerConfig.EmptyValues
    ) throws(ConfigProblems) {
        var fields = WireFields(tree)
        let identity = fields.string(ConfigRequest.Key.authenticatedUsername)
        let address = fields.string(ConfigRequest.Key.remoteAddress)
        self.init(
            config: fields.map("config"),
            carried: fields.metadata(),
            authenticatedUsername: identity.isEmpty ? nil : identity
        )
        try fields.check()
        let ignoresEmpty =
            switch emptyValues {
            case .auto: address == "<nil>:0"
            case .apply: false
            case .ignore: true
            }
        if ignoresEmpty { config = Self.withoutEmptyValues(config) }
    }

    /// The level `emerg` is 0 and so the empty one of its type.
    private static func withoutEmptyValues(_ config: ConfigTree) -> ConfigTree {
        var config = config
        if config[path: ["log", "level"]] == "emerg" { _ = config.remove(["log", "level"]) }
        return config.withoutEmptyValues ?? .null
    }
}
