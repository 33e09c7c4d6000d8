import AuthClient
import HTTPTypes
package import Hummingbird
import NIOCore
package import SharedConfig
package import SharedHTTP
import SharedMessages

/// The administration of users. Whoever reaches it may do everything, so it has a listener of its
/// own, by default a Unix socket.
package struct UserAdminRoutes: Sendable {
    private let administrator: UserAdministrator
    private let totp: AuthdTOTPConfig

    package init(_ administrator: UserAdministrator, totp: AuthdTOTPConfig = AuthdTOTPConfig()) {
        self.administrator = administrator
        self.totp = totp
    }

    package func add(to router: Router<HTTPContext>) {
        router.get("/users") { _, _ in
            try await explained { try .json(try await administrator.list()) }
        }
        router.post("/users") { request, _ in
            let user = try await read(NewUser.self, request)
            return try await explained {
                try .json(try await administrator.add(user), status: .created)
            }
        }
        router.get("/users/:name") { _, context in
            let name = try context.parameters.require("name")
            return try await explained { try .json(try await administrator.user(name)) }
        }
        router.patch("/users/:name") { request, context in
            let name = try context.parameters.require("name")
            let change = try await read(UserChange.self, request)
            return try await explained { try .json(try await administrator.change(name, change)) }
        }
        router.delete("/users/:name") { _, context in
            let name = try context.parameters.require("name")
            return try await done { try await administrator.remove(name) }
        }
        addCredentials(to: router)
        addSecondFactors(to: router)
        addGroups(to: router)
        addTokens(to: router)
        router.get("/changes") { request, _ in
            let (subject, limit) = try request.listing
            return try Response.json(
                try await administrator.changes(of: subject, limit: limit)
            )
        }
        router.get("/backup") { _, _ in
            let bytes = try await administrator.backup()
            return Response(
                status: .ok,
                headers: [.contentType: "application/vnd.sqlite3"],
                body: .init(byteBuffer: ByteBuffer(bytes: bytes))
            )
        }
    }

    private func addSecondFactors(to router: Router<HTTPContext>) {
        router.post("/users/:name/totp") { _, context in
            let name = try context.parameters.require("name")
            return try await explained {
                let enrolment = try await administrator.enrolTOTP(name, issuer: totp.issuer)
                return try .json(enrolment, status: .created)
            }
        }
        router.post("/users/:name/totp/confirm") { request, context in
            let name = try context.parameters.require("name")
            let code = try await read(TOTPConfirmation.self, request).code
            return try await done {
                try await administrator.confirmTOTP(name, code, skew: totp.skew)
            }
        }
        router.delete("/users/:name/totp") { _, context in
            let name = try context.parameters.require("name")
            return try await done { try await administrator.removeTOTP(name) }
        }
    }

    private func addGroups(to router: Router<HTTPContext>) {
        router.get("/groups") { _, _ in
            try await explained { try .json(try await administrator.groups()) }
        }
        router.post("/groups") { request, _ in
            let group = try await read(NewGroup.self, request)
            return try await explained { try .json(try await administrator.setGroup(group)) }
        }
        router.delete("/groups/:name") { _, context in
            let name = try context.parameters.require("name")
            return try await done { try await administrator.removeGroup(name) }
        }
    }

    private func addTokens(to router: Router<HTTPContext>) {
        router.get("/tokens") { _, _ in
            try await explained { try .json(try await administrator.tokens()) }
        }
        router.post("/tokens") { request, _ in
            let token = try await read(NewToken.self, request)
            return try await explained {
                try .json(try await administrator.addToken(token), status: .created)
            }
        }
        router.delete("/tokens/:name") { _, context in
            let name = try context.parameters.require("name")
            return try await done { try await administrator.removeToken(name) }
        }
    }

    private func addCredentials(to router: Router<HTTPContext>) {
        router.put("/users/:name/password") { request, context in
            let name = try context.parameters.require("name")
            let password = try await read(NewPassword.self, request)
            return try await done { try await administrator.setPassword(name, password) }
        }
        router.post("/users/:name/keys") { request, context in
            let name = try context.parameters.require("name")
            let key = try await read(NewKey.self, request).key
            return try await explained {
                try .json(try await administrator.addKey(name, key), status: .created)
            }
        }
        router.delete("/users/:name/keys/:fingerprint") { _, context in
            let name = try context.parameters.require("name")
            let path = try context.parameters.require("fingerprint")
            let digest = String(path.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
            return try await done {
                try await administrator.removeKey(name, fingerprint: "SHA256:" + digest)
            }
        }
    }
}

func read<Value: Decodable>(_ type: Value.Type, _ request: Request) async throws -> Value {
    try await request.json(type, upTo: UserRoutes.longestRequest)
}

func done(_ body: () async throws -> Void) async throws -> Response {
    try await explained {
        try await body()
        return Response(status: .noContent)
    }
}

/// Turns what the caller did wrong into a refusal with a fitting status; other errors stay.
func explained(_ body: () async throws -> Response) async throws -> Response {
    do {
        return try await body()
    } catch let error as CodedError {
        guard let status = refusalStatus(error.code) else { throw error }
        // What is meant by it, and never anything secret.
        let message = error.detail.isEmpty ? nil : "\(error.code.explanation) (\(error.detail))"
        throw HTTPRefusal(status, error.code, message)
    }
}

private func refusalStatus(_ code: MessageCode) -> HTTPResponse.Status? {
    switch code {
    case .authdUserUnknown, .authdKeyUnknown, .authdGroupUnknown, .authdTokenUnknown: .notFound
    case .authdUserExists, .authdKeyExists, .authdTokenExists: .conflict
    case .authdSecondFactorUnknown, .authdAuthorityUnknown: .notFound
    case .authdAuthorityExists: .conflict
    case .authdCodeWrong: .unprocessableContent
    case .authdNameInvalid, .authdPasswordInvalid, .authdKeyInvalid, .authdDateInvalid,
        .authdAuthorityInvalid, .authdCertificateInvalid:
        .unprocessableContent
    default: nil
    }
}

extension Request {
    /// What is listed: of whom, and how many at most.
    var listing: (subject: String?, limit: Int) {
        get throws {
            let query = uri.queryParameters
            let limit = query.get("limit", as: Int.self) ?? 100
            guard (1...1000).contains(limit) else {
                throw HTTPRefusal(.badRequest, .httpServerBadRequest, "limit must be 1...1000")
            }
            return (query.get("subject"), limit)
        }
    }
}
