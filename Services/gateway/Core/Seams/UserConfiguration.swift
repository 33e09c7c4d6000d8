package import SharedConfig
package import SharedModels

/// Who answers "what do they get?".
package protocol UserConfigurationSource: Sendable {
    /// The configuration of one connection, and what the answer added to its metadata; `country`
    /// is where the client is, empty where nobody knows.
    ///
    /// - Throws: `CodedError` when no answer could be had or the answer is not valid.
    func configuration(
        for head: AuthRequestHead,
        authenticatedUsername: String,
        country: String
    ) async throws -> UserConfigurationAnswer
}

/// What a `UserConfigurationSource` says.
package struct UserConfigurationAnswer: Sendable {
    package var config: UserConfig
    package var carried: ConnectionMetadata
    /// Replaces the identity for the backend when it is not `nil`.
    package var authenticatedUsername: String?

    package init(
        config: UserConfig,
        carried: ConnectionMetadata = .init(),
        authenticatedUsername: String? = nil
    ) {
        self.config = config
        self.carried = carried
        self.authenticatedUsername = authenticatedUsername
    }
}

/// Finds the backend for a user's configuration; the switch over the kinds is in the executable.
package protocol BackendProvider: Sendable {
    /// - Throws: `CodedError` when the configured backend cannot be used.
    func backend(for config: UserConfig) async throws -> any Backend
}
