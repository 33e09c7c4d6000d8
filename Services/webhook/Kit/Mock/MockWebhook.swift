import Foundation
import HTTPTypes
package import Hummingbird
import NIOCore
import SharedConfig
package import SharedHTTP
import Synchronization

/// A webhook that says what a script says, for trying a gateway.
///
/// Never for anything else: the script's passwords are compared as text.
package final class MockWebhook: Sendable {
    /// A request as it is reported, without its secrets.
    package struct Record: Encodable, Sendable {
        package var method: String
        package var path: String
        package var username: String
        package var remoteAddress: String
        package var connectionId: String
        /// Which reply of the script was given, counted from 1; 0 for none.
        package var reply: Int
        package var status: Int
    }

    private let script: MockScript
    /// How many requests each reply has fitted.
    private let uses: Mutex<[Int]>
    private let report: @Sendable (Record) -> Void

    /// `report` hears of each request once its reply is chosen.
    package init(_ script: MockScript, report: @escaping @Sendable (Record) -> Void = { _ in }) {
        self.script = script
        self.report = report
        uses = Mutex(Array(repeating: 0, count: script.replies.count))
    }

    package func add(to router: Router<HTTPContext>) {
        for method in [HTTPRequest.Method.get, .post, .put, .delete, .patch] {
            router.on("/", method: method) { request, _ in try await self.answer(request) }
            router.on("**", method: method) { request, _ in try await self.answer(request) }
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        let bytes = try await request.bytes(upTo: 8 << 20)
        let body = try? JSONTree.parse(bytes, allowsMore: true).tree  // a script may expect garbage
        let asked = Asked(path: request.uri.path, body: body ?? .null)
        let index = script.replies.indices.first { fits($0, asked) }
        let reply = index.map { script.replies[$0] }
        report(
            Record(
                method: request.method.rawValue,
                path: asked.path,
                username: asked.text("username"),
                remoteAddress: asked.text("remoteAddress"),
                connectionId: asked.text("connectionId"),
                reply: index.map { $0 + 1 } ?? 0,
                status: reply?.status ?? 404
            )
        )
        guard let reply else { return Response(status: .notFound) }
        if reply.delay > .zero { try await Task.sleep(for: reply.delay) }
        return response(reply, asked)
    }

    /// Whether reply `index` is for this request; counts it if it fits in all but the numbers.
    private func fits(_ index: Int, _ asked: Asked) -> Bool {
        let reply = script.replies[index]
        guard reply.isFor(asked) else { return false }
        return uses.withLock { uses in
            uses[index] += 1
            let isLeft = reply.times == 0 || uses[index] <= reply.times * reply.every
            return isLeft && uses[index] % reply.every == 0
        }
    }

    private func response(_ reply: MockScript.Reply, _ asked: Asked) -> Response {
        var headers = HTTPFields()
        let text = reply.json == .null ? reply.body : reply.json.filled(asked.text("username")).json
        if reply.json != .null { headers[.contentType] = "application/json" }
        for (name, value) in reply.headers {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        let status = HTTPResponse.Status(code: reply.status)
        let body = ByteBuffer(string: text)
        guard reply.cut else {
            return Response(status: status, headers: headers, body: .init(byteBuffer: body))
        }
        let half = body.getSlice(at: 0, length: body.readableBytes / 2) ?? body
        return Response(
            status: status,
            headers: headers,
            body: ResponseBody(contentLength: body.readableBytes + 1) { writer in
                try await writer.write(half)
                throw CutOff()
            }
        )
    }
}

/// Ends the connection in the middle of a body.
private struct CutOff: Error {}

/// What was asked, as far as a script can see it.
struct Asked: Sendable {
    let path: String
    let body: ConfigTree

    func text(_ key: String) -> String {
        guard case .string(let text)? = body[key] else { return "" }
        return text
    }

    /// The texts behind a base64 value or a list of them.
    func decoded(_ key: String) -> [String] {
        let values: [ConfigTree] =
            switch body[key] {
            case .list(let items)?: items
            case .some(let value): [value]
            case nil: []
            }
        return values.map { value in
            guard case .string(let text) = value, let data = Data(base64Encoded: text) else {
                return ""
            }
            return String(decoding: data, as: UTF8.self)
        }
    }
}

extension MockScript.Reply {
    func isFor(_ asked: Asked) -> Bool {
        let isBeginning = asked.body["answersBase64"] == nil
        return (path.isEmpty || path == asked.path) && fits(user: asked.text("username"))
            && (identity.isEmpty || asked.text("authenticatedUsername") == identity)
            && (password.isEmpty || asked.decoded("passwordBase64") == [password])
            && (publicKey.isEmpty || asked.text("publicKey") == publicKey)
            && (certificate.isEmpty || asked.text("certificate") == certificate)
            && (state.isEmpty || (state == "-" ? isBeginning : state == asked.text("state")))
            && (answers.isEmpty || asked.decoded("answersBase64") == answers)
    }

    private func fits(user name: String) -> Bool {
        user.isEmpty || TextPatternList([user]).allows(name)
    }
}

extension ConfigTree {
    /// With the login name in all texts in the place of `${username}`.
    func filled(_ username: String) -> ConfigTree {
        switch self {
        case .string(let text): .string(text.replacing("${username}", with: username))
        case .list(let items): .list(items.map { $0.filled(username) })
        case .map(let map): .map(map.mapValues { $0.filled(username) })
        case .null, .bool, .integer, .double: self
        }
    }
}
