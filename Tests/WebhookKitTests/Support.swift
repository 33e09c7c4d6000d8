import Foundation
import Logging
import SharedConfig
import SharedHTTP
import Testing
import WebhookKit

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with the URL of a mock webhook with this script.
func withMock<Value: Sendable>(
    _ yaml: String,
    report: @escaping @Sendable (MockWebhook.Record) -> Void = { _ in },
    _ body: @Sendable (String) async throws -> Value
) async throws -> Value {
    let script = try MockScript.read(ConfigFile(path: "mock.yaml", bytes: Array(yaml.utf8)))
    let options = HTTPServerOptions(listen: .tcp(host: "127.0.0.1", port: 0))
    let service = try MockWebhook(script, report: report).service(options, logger: quiet)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service.run() }
        defer { group.cancelAll() }
        return try await body("http://\(try await service.boundAddress())")
    }
}

/// The results of testing the webhook at `url`.
func test(
    _ url: String,
    _ change: (inout WebhookTarget) -> Void = { _ in }
) async throws -> [CheckResult] {
    var target = WebhookTarget()
    target.auth = HTTPClientConfig(url: url)
    target.config = HTTPClientConfig(url: url + "/config")
    target.username = "alice"
    target.password = Array("secret".utf8)
    target.publicKey = Scripts.key
    change(&target)
    return await (try WebhookTester(target)).run()
}

extension [CheckResult] {
    var failures: [String] {
        compactMap { result in
            guard case .failed(let text) = result.outcome else { return nil }
            return "\(result.group): \(result.title): \(text)"
        }
    }

    var warnings: [String] {
        compactMap { result in
            guard case .warned(let text) = result.outcome else { return nil }
            return "\(result.group): \(result.title): \(text)"
        }
    }
}

enum Scripts {
    static let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

    /// A webhook in order, for the user alice; `first` are replies that come before all others.
    static func good(_ first: String = "") -> String {
        let yes = "json: {success: true, authenticatedUsername: alice}"
        return "replies:\n" + first + """
              - {path: /password, user: alice, password: secret, \(yes)}
              - {path: /pubkey, user: alice, publicKey: "\(key)", \(yes)}
              - {path: /authz, user: alice, identity: alice, \(yes)}
              - {path: /config, user: alice, json: {config: {backend: docker}}}
              - {path: /config, json: {config: {}}}
              - {path: /keyboard-interactive, user: alice, state: "-", json: {success: false,
                 challenge: {instruction: Hello, prompts: [{prompt: "Code: "}], state: one}}}
              - {path: /keyboard-interactive, user: alice, state: one, answers: ["123456"], \(yes)}
              - {path: /session, status: 204}
              - {json: {success: false}}

            """
    }
}
