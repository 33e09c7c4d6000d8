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

    /// `server` is usually `unix:///run/berth/authd-admin.sock`.
    package init(_ server: HTTPClientConfig, logger: Logger) throws(CodedError) {
        http = try HTTPClient(try HTTPClientOptions(server), logger: logger)
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

    private func call(_ call: HTTPCall) async throws -> HTTPReply {
        var call = call
        call.timeLimit = .total(.seconds(30))  // hashing a password waits its turn
        let reply = try await http.send(call)
        guard !reply.isSuccess else { return reply }
        guard let refusal = reply.refusal else {
            throw CodedError(.authInvalidStatus, detail: "status \(reply.status)")
        }
        let code = MessageCode.named(refusal.code) ?? .httpServerRefused
        throw CodedError(code, detail: refusal.message)
    }

    private func checked(_ name: String) throws(CodedError) -> String {
        guard UserRoutes.isValidName(name) else { throw CodedError(.authdNameInvalid) }
        return name
    }
}
