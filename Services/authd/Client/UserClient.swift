import Foundation
package import Logging
package import SharedConfig
import SharedHTTP
package import SharedMessages
import SharedModels

/// Manages the users of a running authd over its administration listener.
///
/// Every call throws a `CodedError`: with the code that authd refused it with, or `HTTP_CLIENT_…`.
package struct UserClient: Sendable {
    private let http: HTTPClient
    private let token: Secret

    /// `server` is usually `unix:///run/berth/authd-admin.sock`; `token` is sent along if it is
    /// not empty.
    package init(
        _ server: HTTPClientConfig,
        token: Secret = Secret(),
        logger: Logger
    ) throws(CodedError) {
        http = try HTTPClient(try HTTPClientOptions(server), logger: logger)
        self.token = token
    }

    package func list() async throws -> [UserRecord] {
        try await call(HTTPCall(.get, UserRoutes.users)).decode([UserRecord].self)
    }

    package func user(_ name: String) async throws -> UserRecord {
        try await call(HTTPCall(.get, UserRoutes.user(checked(name)))).decode(UserRecord.self)
    }

    package func add(_ user: NewUser) async throws -> UserRecord {
        try await call(.json(.post, UserRoutes.users, user)).decode(UserRecord.self)
    }

    package func change(_ name: String, _ change: UserChange) async throws -> UserRecord {
        try await call(.json(.patch, UserRoutes.user(checked(name)), change))
            .decode(UserRecord.self)
    }

    package func remove(_ name: String) async throws {
        _ = try await call(HTTPCall(.delete, UserRoutes.user(checked(name))))
    }

    /// `nil` takes the password away.
    package func setPassword(_ name: String, _ password: [UInt8]?) async throws {
        let body = NewPassword(passwordBase64: password.map { Data($0).base64EncodedString() })
        _ = try await call(.json(.put, UserRoutes.password(checked(name)), body))
    }

    package func addKey(_ name: String, _ line: String) async throws -> UserKeyRecord {
        try await call(.json(.post, UserRoutes.keys(checked(name)), NewKey(key: line)))
            .decode(UserKeyRecord.self)
    }

    package func removeKey(_ name: String, fingerprint: String) async throws {
        let path = UserRoutes.key(try checked(name), fingerprint: fingerprint)
        _ = try await call(HTTPCall(.delete, path))
    }

    // MARK: - Groups, tokens, changes

    package func groups() async throws -> [GroupRecord] {
        try await call(HTTPCall(.get, UserRoutes.groups)).decode([GroupRecord].self)
    }

    package func setGroup(_ group: NewGroup) async throws -> GroupRecord {
        try await call(.json(.post, UserRoutes.groups, group)).decode(GroupRecord.self)
    }

    package func removeGroup(_ name: String) async throws {
        _ = try await call(HTTPCall(.delete, UserRoutes.group(checked(name))))
    }

    package func tokens() async throws -> [TokenRecord] {
        try await call(HTTPCall(.get, UserRoutes.tokens)).decode([TokenRecord].self)
    }

    package func addToken(_ token: NewToken) async throws -> MadeToken {
        try await call(.json(.post, UserRoutes.tokens, token)).decode(MadeToken.self)
    }

    package func removeToken(_ name: String) async throws {
        _ = try await call(HTTPCall(.delete, UserRoutes.token(checked(name))))
    }

    /// The latest changes, the newest first; at most 1000.
    package func changes(of subject: String?, limit: Int) async throws -> [ChangeRecord] {
        var path = "\(UserRoutes.changes)?limit=\(limit)"
        if let subject { path += "&subject=\(try checked(subject).replacing("+", with: "%2B"))" }
        return try await call(HTTPCall(.get, path)).decode([ChangeRecord].self)
    }

    /// The whole database, as an SQLite file.
    package func backup() async throws -> [UInt8] {
        try await call(HTTPCall(.get, UserRoutes.backup, replyLimit: 2 << 30)).body
    }

    /// Begins to set up codes of an app; they count once one of them was confirmed.
    package func enrolTOTP(_ name: String) async throws -> TOTPEnrolment {
        try await call(HTTPCall(.post, UserRoutes.totp(checked(name)))).decode(TOTPEnrolment.self)
    }

    package func confirmTOTP(_ name: String, code: String) async throws {
        let path = UserRoutes.totpConfirmation(try checked(name))
        _ = try await call(.json(.post, path, TOTPConfirmation(code: code)))
    }

    package func removeTOTP(_ name: String) async throws {
        _ = try await call(HTTPCall(.delete, UserRoutes.totp(checked(name))))
    }

    /// Takes a hash as in shadow(5).
    package func setPasswordHash(_ name: String, _ hash: String) async throws {
        let body = NewPassword(passwordBase64: nil, passwordHash: hash)
        _ = try await call(.json(.put, UserRoutes.password(checked(name)), body))
    }

    func call(_ call: HTTPCall) async throws -> HTTPReply {
        var call = call
        if !token.isEmpty { call.headers["Authorization"] = "Bearer \(token.reveal())" }
        call.timeLimit = .total(.seconds(30))  // hashing a password waits its turn
        let reply = try await http.send(call)
        guard !reply.isSuccess else { return reply }
        guard let refusal = reply.refusal else {
            throw CodedError(.authInvalidStatus, detail: "status \(reply.status)")
        }
        let code = MessageCode.named(refusal.code) ?? .httpServerRefused
        throw CodedError(code, detail: refusal.message)
    }

    func checked(_ name: String) throws(CodedError) -> String {
        guard UserRoutes.isValidName(name) else { throw CodedError(.authdNameInvalid) }
        return name
    }
}
