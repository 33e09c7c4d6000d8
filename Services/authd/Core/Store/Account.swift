import AuthClient
import SharedModels

/// A user as the database has them.
struct Account: Sendable, Hashable {
    var id: Int64
    var name: String
    var passwordHash: String?
    var isDisabled: Bool
    var groups: [String]
    var loginNames: [String]
    var keys: [UserKeyRecord]
    var metadata: [String: MetadataValue]
    var environment: [String: MetadataValue]

    /// Whether the user may log in under `name`.
    func mayLogIn(as name: String) -> Bool { name == self.name || loginNames.contains(name) }

    /// What an acceptance tells the gateway. The groups travel as words of one value, under the
    /// name that configd's rules look at.
    var carried: ConnectionMetadata {
        var metadata = metadata
        if !groups.isEmpty { metadata["groups"] = MetadataValue(groups.joined(separator: " ")) }
        return ConnectionMetadata(metadata: metadata, environment: environment)
    }

    var record: UserRecord {
        UserRecord(
            name: name,
            hasPassword: passwordHash != nil,
            disabled: isDisabled,
            groups: groups,
            loginNames: loginNames,
            keys: keys,
            metadata: metadata,
            environment: environment
        )
    }
}
