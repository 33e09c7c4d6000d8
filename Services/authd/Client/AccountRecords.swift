import Foundation

/// A group as authd tells about it.
package struct GroupRecord: Codable, Sendable, Hashable {
    package var name: String
    package var description: String
    /// Names, or patterns (`glob:…`), under which every member may log in.
    package var loginNames: [String]
    package var members: [String]

    package init(name: String, description: String, loginNames: [String], members: [String]) {
        self.name = name
        self.description = description
        self.loginNames = loginNames
        self.members = members
    }
}

/// The body of `POST /groups`: replaces what the group brings; its members stay.
package struct NewGroup: Codable, Sendable, Hashable {
    package var name: String
    package var description: String?
    package var loginNames: [String]?

    package init(name: String, description: String? = nil, loginNames: [String]? = nil) {
        self.name = name
        self.description = description
        self.loginNames = loginNames
    }
}

/// A token for the administration, without its secret.
package struct TokenRecord: Codable, Sendable, Hashable {
    package var name: String
    package var readOnly: Bool
    package var created: String
    package var expires: String?

    package init(name: String, readOnly: Bool, created: String, expires: String? = nil) {
        self.name = name
        self.readOnly = readOnly
        self.created = created
        self.expires = expires
    }
}

/// The body of `POST /tokens`.
package struct NewToken: Codable, Sendable, Hashable {
    package var name: String
    package var readOnly: Bool?
    /// RFC 3339.
    package var expires: String?

    package init(name: String, readOnly: Bool? = nil, expires: String? = nil) {
        self.name = name
        self.readOnly = readOnly
        self.expires = expires
    }
}

/// What `POST /tokens` answers; the secret is told this once.
package struct MadeToken: Codable, Sendable, Hashable {
    package var name: String
    package var token: String

    package init(name: String, token: String) {
        self.name = name
        self.token = token
    }
}

/// What `POST /users/{name}/totp` answers; told this once.
package struct TOTPEnrolment: Codable, Sendable, Hashable {
    /// For apps: `otpauth://totp/…`.
    package var url: String
    /// The secret alone, in base32, to be typed.
    package var secret: String
    /// Each is good for one login without the app.
    package var recoveryCodes: [String]

    package init(url: String, secret: String, recoveryCodes: [String]) {
        self.url = url
        self.secret = secret
        self.recoveryCodes = recoveryCodes
    }
}

/// The body of `POST /users/{name}/totp/confirm`: a code of the app that was set up.
package struct TOTPConfirmation: Codable, Sendable, Hashable {
    package var code: String

    package init(code: String) { self.code = code }
}

/// One change that was made, by whom and when.
package struct ChangeRecord: Codable, Sendable, Hashable {
    package var id: Int
    package var time: String
    /// `socket`, `token NAME`, or `authd` itself.
    package var actor: String
    package var action: String
    package var subject: String
    /// What was changed, without values.
    package var detail: String

    package init(
        id: Int,
        time: String,
        actor: String,
        action: String,
        subject: String,
        detail: String
    ) {
        self.id = id
        self.time = time
        self.actor = actor
        self.action = action
        self.subject = subject
        self.detail = detail
    }
}

/// Points in time as the administration writes them: RFC 3339 in UTC.
package enum UserDate {
    package static func text(_ seconds: Int) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    /// Seconds since 1970 of `2026-12-31` (the end of that day) or `2026-12-31T18:00:00Z`.
    package static func seconds(_ text: String) -> Int? {
        if let date = try? Date(text, strategy: .iso8601) { return Int(date.timeIntervalSince1970) }
        guard let day = try? Date("\(text)T00:00:00Z", strategy: .iso8601) else { return nil }
        return Int(day.timeIntervalSince1970) + 86_400
    }
}
