import AuthClient
import HTTPTypes
package import Hummingbird
package import SharedHTTP
import SharedMessages

/// The administration of users. Whoever reaches it may do everything, so it has a listener of its
/// own, by default a Unix socket.
package struct UserAdminRoutes: Sendable {
    private let administrator: UserAdministrator

    package init(_ administrator: UserAdministrator) { self.administrator = administrator }

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

private func read<Value: Decodable>(_ type: Value.Type, _ request: Request) async throws -> Value {
    try await request.json(type, upTo: UserRoutes.longestRequest)
}

private func done(_ body: () async throws -> Void) async throws -> Response {
    try await explained {
        try await body()
        return Response(status: .noContent)
    }
}

/// Turns what the caller did wrong into a refusal with a fitting status; other errors stay.
private func explained(_ body: () async throws -> Response) async throws -> Response {
    do {
        return try await body()
    } catch let error as CodedError {
        guard let status = refusalStatus(error.code) else { throw error }
        throw HTTPRefusal(status, error.code)
    }
}

private func refusalStatus(_ code: MessageCode) -> HTTPResponse.Status? {
    switch code {
    case .authdUserUnknown, .authdKeyUnknown: .notFound
    case .authdUserExists, .authdKeyExists: .conflict
    case .authdNameInvalid, .authdPasswordInvalid, .authdKeyInvalid: .unprocessableContent
    default: nil
    }
}
