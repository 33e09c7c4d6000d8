package import SharedModels

/// Where authd's users are managed: paths of the administration listener.
package enum UserRoutes {
    package static let users = "/users"
    /// Longest request that is accepted; the longest part is a public key.
    package static let longestRequest = 256 << 10

    /// Names never need escaping: `isValidName`.
    package static func user(_ name: String) -> String { "\(users)/\(name)" }
    package static func password(_ name: String) -> String { "\(user(name))/password" }
    package static func keys(_ name: String) -> String { "\(user(name))/keys" }

    /// The fingerprint without `SHA256:`, in the alphabet for URLs (RFC 4648 §5).
    package static func key(_ name: String, fingerprint: String) -> String {
        "\(keys(name))/\(pathForm(ofFingerprint: fingerprint))"
    }

    package static func pathForm(ofFingerprint fingerprint: String) -> String {
        let digest =
            fingerprint.hasPrefix("SHA256:") ? fingerprint.dropFirst(7) : Substring(fingerprint)
        return String(digest.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
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
    package var groups: [String]
    /// Names other than the own under which the user may log in.
    package var loginNames: [String]
    package var keys: [UserKeyRecord]
    package var metadata: [String: MetadataValue]
    package var environment: [String: MetadataValue]

    package init(
        name: String,
        hasPassword: Bool = false,
        disabled: Bool = false,
        groups: [String] = [],
        loginNames: [String] = [],
        keys: [UserKeyRecord] = [],
        metadata: [String: MetadataValue] = [:],
        environment: [String: MetadataValue] = [:]
    ) {
        self.name = name
        self.hasPassword = hasPassword
        self.disabled = disabled
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

    package init(fingerprint: String, type: String, comment: String) {
        self.fingerprint = fingerprint
        self.type = type
        self.comment = comment
    }
}

/// The body of `POST /users`.
package struct NewUser: Codable, Sendable, Hashable {
    package var name: String
    /// Padded base64 of the password's bytes; `nil` for a user without a password.
    package var passwordBase64: String?
    /// Lines as in `authorized_keys`, without options.
    package var keys: [String]?
    package var groups: [String]?
    package var loginNames: [String]?
    package var metadata: [String: MetadataValue]?
    package var environment: [String: MetadataValue]?

    package init(
        name: String,
        passwordBase64: String? = nil,
        keys: [String]? = nil,
        groups: [String]? = nil,
        loginNames: [String]? = nil,
        metadata: [String: MetadataValue]? = nil,
        environment: [String: MetadataValue]? = nil
    ) {
        self.name = name
        self.passwordBase64 = passwordBase64
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
    package var groups: [String]?
    package var loginNames: [String]?
    package var metadata: [String: MetadataValue]?
    package var environment: [String: MetadataValue]?

    package init(
        disabled: Bool? = nil,
        groups: [String]? = nil,
        loginNames: [String]? = nil,
        metadata: [String: MetadataValue]? = nil,
        environment: [String: MetadataValue]? = nil
    ) {
        self.disabled = disabled
        self.groups = groups
        self.loginNames = loginNames
        self.metadata = metadata
        self.environment = environment
    }
}

/// The body of `PUT /users/{name}/password`; without a password the user has none any more.
package struct NewPassword: Codable, Sendable, Hashable {
    package var passwordBase64: String?

    package init(passwordBase64: String?) { self.passwordBase64 = passwordBase64 }
}

/// The body of `POST /users/{name}/keys`.
package struct NewKey: Codable, Sendable, Hashable {
    /// A line as in `authorized_keys`, without options.
    package var key: String

    package init(key: String) { self.key = key }
}
