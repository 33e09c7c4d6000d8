import AuthClient
import SharedConfig
import SharedModels

/// A user as the database has them.
struct Account: Sendable, Hashable {
    var id: Int64
    var name: String
    var passwordHash: String?
    var isDisabled: Bool
    /// Seconds since 1970; `nil` for never.
    var expiresAt: Int?
    var hasSecondFactor = false
    var groups: [String]
    /// Names, or patterns that begin with `glob:`.
    var loginNames: [String]
    /// Those that the groups bring.
    var groupLoginNames: [String] = []
    var keys: [UserKeyRecord]
    var metadata: [String: MetadataValue]
    var environment: [String: MetadataValue]

    /// Whether the user may log in under `name`.
    func mayLogIn(as name: String) -> Bool {
        name == self.name || TextPatternList(loginNames + groupLoginNames).allows(name)
    }

    func hasExpired(at now: Int) -> Bool { expiresAt.map { now >= $0 } ?? false }

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
            expires: expiresAt.map(UserDate.text),
            secondFactor: hasSecondFactor,
            groups: groups,
            loginNames: loginNames,
            keys: keys,
            metadata: metadata,
            environment: environment
        )
    }
}
