package import SharedModels

/// Where authd's users are managed: paths of the administration listener.
package enum UserRoutes {
    package static let users = "/users"
    /// Longest request that is accepted; the longest part is a public key.
    package static let longestRequest = 256 << 10

    /// Names never need escaping: `isValidName`.
    package static let groups = "/groups"
    package static let tokens = "/tokens"
    package static let changes = "/changes"
    package static let backup = "/backup"

    package static func group(_ name: String) -> String { "\(groups)/\(name)" }
    package static func token(_ name: String) -> String { "\(tokens)/\(name)" }
    package static func user(_ name: String) -> String { "\(users)/\(name)" }
    package static func password(_ name: String) -> String { "\(user(name))/password" }
    package static func keys(_ name: String) -> String { "\(user(name))/keys" }

    package static func totp(_ name: String) -> String { "\(user(name))/totp" }
    package static func totpConfirmation(_ name: String) -> String { "\(totp(name))/confirm" }

    /// The fingerprint without `SHA256:`, in the alphabet for URLs (RFC 4648 §5).
    package static func key(_ name: String, fingerprint: String) -> String {
        "\(keys(name))/\(pathForm(ofFingerprint: fingerprint))"
    }

    package static func pathForm(ofFingerprint fingerprint: String) -> String {
        let digest =
            fingerprint.hasPrefix("SHA256:") ? fingerprint.dropFirst(7) : Substring(fingerprint)
        return String(digest.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }

    /// A name, or a pattern for login names: `glob:app-*`.
    package static func isValidLoginName(_ name: String) -> Bool {
        guard name.hasPrefix("glob:") else { return isValidName(name) }
        let pattern = name.dropFirst("glob:".count)
        return (1...64).contains(pattern.utf8.count)
            && pattern.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// 1...64 of ASCII letters, digits and `._-@+`, not beginning with `-`, `.` or `@`.
    package static func isValidName(_ name: String) -> Bool {
        guard (1...64).contains(name.utf8.count), let first = name.first, !"-.@+".contains(first)
        else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "._-@+".utf8.contains(byte)
            }
        }
    }
}

/// A user as authd tells about them; never holds a password or its hash.
package struct UserRecord: Codable, Sendable, Hashable {
    package var name: String
    package var hasPassword: Bool
    package var disabled: Bool
    /// When the account stops to count, RFC 3339; absent for never.
    package var expires: String?
    /// Whether codes of an authenticator app are set up.
    package var secondFactor: Bool
    package var groups: [String]
    /// Names other than the own under which the user may log in, or patterns (`glob:…`).
    package var loginNames: [String]
    package var keys: [UserKeyRecord]
    package var metadata: [String: MetadataValue]
    package var environment: [String: MetadataValue]

    package init(
        name: String,
        hasPassword: Bool = false,
        disabled: Bool = false,
        expires: String? = nil,
        secondFactor: Bool = false,
        groups: [String] = [],
        loginNames: [String] = [],
        keys: [UserKeyRecord] = [],
        metadata: [String: MetadataValue] = [:],
        environment: [String: MetadataValue] = [:]
    ) {
        self.name = name
        self.hasPassword = hasPassword
        self.disabled = disabled
        self.expires = expires
        self.secondFactor = secondFactor
        self.groups = groups
        self.loginNames = loginNames
        self.keys = keys
        self.metadata = metadata
        self.environment = environment
    }
}

/// A public key of a user.
package struct UserKeyRecord: Codable, Sendable, Hashable {
    /// `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it.
    package var fingerprint: String
    package var type: String
    package var comment: String
    /// As in `authorized_keys`; empty for none.
    package var options: String

    package init(fingerprint: String, type: String, comment: String, options: String = "") {
        self.fingerprint = fingerprint
        self.type = type
        self.comment = comment
        self.options = options
    }
}

/// The body of `POST /users`.
package struct NewUser: Codable, Sendable, Hashable {
    package var name: String
    /// Padded base64 of the password's bytes; `nil` for a user without a password.
    package var passwordBase64: String?
    /// A hash as in shadow(5), in the place of a password.
    package var passwordHash: String?
    package var disabled: Bool?
    /// RFC 3339.
    package var expires: String?
    /// Lines as in `authorized_keys`.
    package var keys: [String]?
    package var groups: [String]?
    package var loginNames: [String]?
    package var metadata: [String: MetadataValue]?
    package var environment: [String: MetadataValue]?

    package init(
        name: String,
        passwordBase64: String? = nil,
        passwordHash: String? = nil,
        disabled: Bool? = nil,
        expires: String? = nil,
        keys: [String]? = nil,
        groups: [String]? = nil,
        loginNames: [String]? = nil,
        metadata: [String: MetadataValue]? = nil,
        environment: [String: MetadataValue]? = nil
    ) {
        self.name = name
        self.passwordBase64 = passwordBase64
        self.passwordHash = passwordHash
        self.disabled = disabled
        self.expires = expires
        self.keys = keys
        self.groups = groups
        self.loginNames = loginNames
        self.metadata = metadata
        self.environment = environment
    }
}

/// The body of `PATCH /users/{name}`; what is absent stays as it is, a list or map that is present
/// replaces the old one.
package struct UserChange: Codable, Sendable, Hashable {
    package var disabled: Bool?
    /// RFC 3339; an empty text takes the date away.
    package var expires: String?
    package var groups: [String]?
    package var loginNames: [String]?
    package var metadata: [String: MetadataValue]?
    package var environment: [String: MetadataValue]?

    package init(
        disabled: Bool? = nil,
        expires: String? = nil,
        groups: [String]? = nil,
        loginNames: [String]? = nil,
        metadata: [String: MetadataValue]? = nil,
        environment: [String: MetadataValue]? = nil
    ) {
        self.disabled = disabled
        self.expires = expires
        self.groups = groups
        self.loginNames = loginNames
        self.metadata = metadata
        self.environment = environment
    }
}

/// The body of `PUT /users/{name}/password`; without a password the user has none any more.
package struct NewPassword: Codable, Sendable, Hashable {
    package var passwordBase64: String?
    /// A hash as in shadow(5), in the place of a password.
    package var passwordHash: String?

    package init(passwordBase64: String?, passwordHash: String? = nil) {
        self.passwordBase64 = passwordBase64
        self.passwordHash = passwordHash
    }
}

/// The body of `POST /users/{name}/keys`.
package struct NewKey: Codable, Sendable, Hashable {
    /// A line as in `authorized_keys`.
    package var key: String

    package init(key: String) { self.key = key }
}
