import AuthClient
import Foundation
import GatewayClient
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import MetricsClient
import MetricsTestKit
import NIOCore
import NIOPosix
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels
import Testing
import Yams

@testable import GatewayCore

@Suite("docs/openapi/gateway.yaml")
struct OpenAPITests {
    private let document: Node
    private let registry = SessionRegistry(logger: Logger(label: "test"))

    init() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/openapi/gateway.yaml").standardizedFileURL
        document = try #require(try Yams.compose(yaml: String(contentsOf: file, encoding: .utf8)))
    }

    private var router: Router<HTTPContext> {
        let logger = Logger(label: "test")
        let router = HTTPService.makeRouter(health: HealthRegistry(), logger: logger)
        SessionRoutes(registry).add(to: router)
        let limiter = ConnectionLimiter(
            LimitsConfig(),
            maximumConnections: 1,
            metrics: GatewayMetrics(factory: TestMetrics()),
            logger: logger
        )
        PenaltyRoutes(limiter).add(to: router)
        return router
    }

    @Test("names exactly the routes that the administration listener serves")
    func routes() throws {
        let served = Set(router.routes.map { "\($0.method.rawValue) \(form($0.path.description))" })
        var documented: Set<String> = []
        for (path, item) in try #require(document["paths"]?.mapping) {
            for (method, _) in try #require(item.mapping) where method != "parameters" {
                let name = try #require(method.string).uppercased()
                documented.insert("\(name) \(try #require(path.string))")
            }
        }
        #expect(documented == served)
    }

    /// `/sessions/:id` or `/sessions/{id}`, whichever the router prints.
    private func form(_ path: String) -> String {
        path.split(separator: "/").map { part in
            "/" + (part.hasPrefix(":") ? "{\(part.dropFirst())}" : part)
        }.joined()
    }

    @Test(
        "has the keys of every body, and requires those that are always there",
        arguments: ["SessionRecord", "SessionKill", "PenaltyRecord", "ErrorBody"]
    )
    func schemas(_ name: String) throws {
        let schema = try #require(document["components"]?["schemas"]?[Node(name)])
        let properties = Set(
            try #require(schema["properties"]?.mapping).compactMap { $0.key.string }
        )
        let required = Set(schema["required"]?.sequence?.compactMap(\.string) ?? [])
        let example = try #require(try Self.examples()[name])
        #expect(properties == (try keys(example.full)))
        #expect(required == (try keys(example.least)))
    }

    private func keys(_ json: Data) throws -> Set<String> {
        let object = try JSONSerialization.jsonObject(with: json) as? [String: Any]
        return Set(try #require(object).keys)
    }

    private static func examples() throws -> [String: (full: Data, least: Data)] {
        let encoder = JSONEncoder()
        let record = try encoder.encode(
            SessionRecord(
                id: "",
                username: "",
                authenticatedUsername: "",
                isAuthenticated: true,
                remoteAddress: "",
                clientVersion: "",
                startedAt: 0,
                age: 0,
                openSessions: 0,
                bytesReceived: 0,
                bytesSent: 0
            )
        )
        let error = try encoder.encode(ErrorBody(code: "", message: ""))
        let penalty = try encoder.encode(
            PenaltyRecord(
                source: "",
                cause: .noAuth,
                remainingSeconds: 1,
                refused: true,
                banned: false
            )
        )
        return [
            "PenaltyRecord": (penalty, penalty),
            "SessionRecord": (record, record),
            "SessionKill": (
                try encoder.encode(SessionKill(reason: "", actor: "")),
                try encoder.encode(SessionKill(reason: ""))
            ),
            "ErrorBody": (error, error),
        ]
    }

    // MARK: - The routes at work

    @Test("a connection can be listed and ended")
    func sessions() async throws {
        let control = FakeControl()
        let state = ConnectionState(
            connectionID: String(repeating: "b", count: 32),
            remoteAddress: RemoteAddress(host: "203.0.113.7", port: 1),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next()
        )
        registry.add(LiveSession(state: state, control: control))
        try await Application(router: router).test(.router) { client in
            try await client.execute(uri: GatewayRoutes.sessions, method: .get) { reply in
                let records = try JSONDecoder().decode(
                    [SessionRecord].self,
                    from: Data(reply.body.readableBytesView)
                )
                #expect(records.map(\.id) == [state.connectionID])
            }
            let body = ByteBuffer(string: #"{"reason":"maintenance"}"#)
            let path = GatewayRoutes.kill(state.connectionID)
            try await client.execute(uri: path, method: .post, body: body) { reply in
                #expect(reply.status == .noContent)
            }
        }
        #expect(control.refusals.count == 1)
    }

    @Test(
        "what cannot be done is refused with its code",
        arguments: [
            (#"{"reason":"x"}"#, HTTPResponse.Status.notFound, MessageCode.gatewaySessionUnknown),
            (#"{"reason":"a\nb"}"#, .unprocessableContent, .gatewayKillInvalid),
            (
                #"{"reason":"\#(String(repeating: "a", count: 513))"}"#, .unprocessableContent,
                .gatewayKillInvalid
            ),
        ]
    )
    func refused(_ body: String, _ status: HTTPResponse.Status, _ code: MessageCode) async throws {
        try await Application(router: router).test(.router) { client in
            let path = GatewayRoutes.kill(String(repeating: "c", count: 32))
            let body = ByteBuffer(string: body)
            try await client.execute(uri: path, method: .post, body: body) { reply in
                #expect(reply.status == status)
                let error = try JSONDecoder().decode(
                    ErrorBody.self,
                    from: Data(reply.body.readableBytesView)
                )
                #expect(error.code == code.id)
            }
        }
    }
}
