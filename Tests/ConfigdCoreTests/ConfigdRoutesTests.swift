import ConfigClient
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import MetricsClient
import MetricsTestKit
import NIOCore
import SharedConfig
import SharedHTTP
import SharedMessages
import SharedModels
import Testing

@testable import ConfigdCore

@Suite("Routes of configd")
struct ConfigdRoutesTests {
    private static let rules = """
        rules:
          - match: {user: dev}
            config: {backend: sandbox}
            environment: {WHO: "${authenticatedUsername}"}
            metadata: {seen: "yes"}
            files: {/etc/motd: hi}
            authenticatedUsername: "${username}"
          - match: {user: needy}
            config: {security: {forceCommand: "${metadata.absent}"}}
        """
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func router(_ book: RuleBook) -> Router<HTTPContext> {
        let router = HTTPService.makeRouter(health: HealthRegistry(), logger: logger)
        ConfigdRoutes(book).add(to: router)
        return router
    }

    private func withClient(
        _ body: @Sendable @escaping (any TestClientProtocol) async throws -> Void
    ) async throws {
        try await withFiles(["rules.yaml": Self.rules]) { folder in
            let router = router(try RuleBook(paths: [path(folder)]))
            try await Application(router: router).test(.router, body)
        }
    }

    private func post(
        _ client: any TestClientProtocol,
        _ body: String
    ) async throws -> (status: HTTPResponse.Status, tree: ConfigTree, type: String?) {
        try await client.execute(uri: "/config", method: .post, body: ByteBuffer(string: body)) {
            let bytes = Array(buffer: $0.body)
            let type = $0.headers[.contentType]
            return ($0.status, try JSONTree.parse(bytes).tree, type)
        }
    }

    @Test("a question is answered by the contract")
    func answers() async throws {
        try await withClient { client in
            let (status, tree, type) = try await post(client, question().tree.json + "\n")
            #expect(status == .ok)
            #expect(type == "application/json")
            let answer = try ConfigResponse(tree, emptyValues: .auto)
            #expect(answer.config == ["backend": "sandbox"])
            #expect(answer.carried.environment["WHO"] == MetadataValue("alice"))
            #expect(answer.authenticatedUsername == "dev")
        }
    }

    @Test(
        "a question that is none is refused with a code",
        arguments: [
            "", "{", "[]", "{}", #"{"username":1}"#, "\u{0}", String(repeating: "[", count: 99),
        ]
    )
    func malformed(body: String) async throws {
        try await withClient { client in
            let (status, tree, _) = try await post(client, body)
            #expect(status == .badRequest)
            #expect(tree["code"] == "CONFIGD_REQUEST_INVALID")
        }
    }

    @Test("a question beyond the limit is refused")
    func tooLarge() async throws {
        try await withClient { client in
            let body = String(repeating: " ", count: ConfigRoutes.requestLimit + 1)
            let (status, _, _) = try await post(client, body)
            #expect(status == .contentTooLarge)
        }
    }

    @Test("a rule that cannot be filled in is an answer that is not asked for again")
    func failing() async throws {
        try await withClient { client in
            let (status, tree, _) = try await post(client, question(user: "needy").tree.json)
            #expect(status == .unprocessableContent)
            #expect(tree["code"] == "CONFIGD_RULE_FAILED")
        }
    }

    private func document() throws -> ConfigTree {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/openapi/configd.yaml").standardizedFileURL
        return try YAMLTree.parse(Array(Data(contentsOf: file))).tree
    }

    @Test("the document of the interface has exactly the routes that are served")
    func documentedRoutes() async throws {
        let document = try document()
        try await withFiles(["rules.yaml": Self.rules]) { folder in
            let router = router(try RuleBook(paths: [path(folder)]))
            let served = Set(router.routes.map { "\($0.method.rawValue) \($0.path)" })
            let documented = keys(document["paths"]).flatMap { path in
                keys(document["paths"]?[path]).map { "\($0.uppercased()) \(path)" }
            }
            #expect(Set(documented) == served)
        }
    }

    @Test("the document of the interface has exactly the fields that are sent")
    func documentedFields() async throws {
        let document = try document()
        let schemas = document[path: ["components", "schemas"]]
        let fields = { @Sendable (name: String) in keys(schemas?[name]?["properties"]) }
        var full = question(country: "DE", metadata: ["a": "b"])
        full.head.carried.environment["a"] = MetadataValue("b")
        full.head.carried.files["/a"] = BinaryMetadataValue(base64: "")
        let request = full.tree
        #expect(fields("ConfigRequest") == keys(request))
        #expect(fields("UserConfig") == Set((ConfigSchema.of(UserConfig()).keys ?? [:]).keys))
        let statuses = keys(document[path: ["paths", "/config", "post", "responses"]])
        #expect(statuses == ["200", "400", "413", "422"])
        try await withClient { client in
            let (_, answer, _) = try await post(client, request.json)
            #expect(fields("ConfigResponse") == keys(answer))
            #expect(fields("MetadataValue") == keys(answer["metadata"]?["seen"]))
            let (_, refusal, _) = try await post(client, "[]")
            #expect(fields("Error") == keys(refusal))
            try await client.execute(uri: "/readyz", method: .get) {
                let health = try JSONTree.parse(Array(buffer: $0.body)).tree
                #expect(fields("Health") == keys(health))
            }
        }
    }

    @Test("the gateway's client and this service understand each other over a socket")
    func endToEnd() async throws {
        try await withFiles(["rules.yaml": Self.rules]) { folder in
            let socket = "unix://" + path(folder.appending(path: "c.sock"))
            let service = try HTTPService(
                "configd",
                HTTPServerOptions(HTTPServerConfig(listen: socket)),
                router: router(try RuleBook(paths: [path(folder)])),
                logger: logger
            )
            let running = Task { try await service.run() }
            _ = try await service.boundAddress()
            var config = ConfigServerConfig()
            config.client.url = socket
            let http = try HTTPClient(HTTPClientOptions(config.client), logger: logger)
            defer { http.shutdown() }
            let client = ConfigWebhookClient(
                config,
                http: http,
                metrics: GatewayMetrics(factory: TestMetrics()),
                logger: logger
            )
            #expect(try await client.ask(question()).config == ["backend": "sandbox"])
            running.cancel()
            _ = await running.result
        }
    }
}

private func keys(_ tree: ConfigTree?) -> Set<String> {
    guard case .map(let map)? = tree else { return [] }
    return Set(map.keys)
}
