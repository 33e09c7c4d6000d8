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
    // A slow machine is no webhook that does not answer.
    target.auth?.timeout = .seconds(60)
    target.config?.timeout = .seconds(60)
    target.username = "alice"
    target.password = Array("secret".utf8)
    target.publicKey = Scripts.key
    target.certificate = Scripts.certificate
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

    /// Of `ssh-keygen -s`, for alice; the authority's key is gone.
    static let certificate =
        "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY"
        + "29tAAAAIDgRzkiDgxtI8W4XzlLAXoeNZk9i1W145UMdyrpN+T8wAAAAIBb7fZM0NP7fwVIuxMsV/FQ"
        + "lIjpXKkgAji32utsmcQajAAAAAAAAAAAAAAABAAAABWFsaWNlAAAACQAAAAVhbGljZQAAAAAAAAAA/"
        + "/////////8AAAAAAAAAggAAABVwZXJtaXQtWDExLWZvcndhcmRpbmcAAAAAAAAAF3Blcm1pdC1hZ2V"
        + "udC1mb3J3YXJkaW5nAAAAAAAAABZwZXJtaXQtcG9ydC1mb3J3YXJkaW5nAAAAAAAAAApwZXJtaXQtc"
        + "HR5AAAAAAAAAA5wZXJtaXQtdXNlci1yYwAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACDmiwD"
        + "y+9pKsMCBS52sySNVLtn6hGPXmwch6Vt1ig8WSAAAAFMAAAALc3NoLWVkMjU1MTkAAABARj0FHrGRP"
        + "kK93k6MeAcdGx/lzuhDBxSirvO5c936p+AvIdWMPU3eQgFWhyC1LkDiHMaa2y+3SWO+OGESj121BA="
        + "="

    /// A webhook in order, for the user alice; `first` are replies that come before all others.
    static func good(_ first: String = "") -> String {
        let yes = "json: {success: true, authenticatedUsername: alice}"
        return "replies:\n" + first + """
              - {path: /password, user: alice, password: secret, \(yes)}
              - {path: /pubkey, user: alice, publicKey: "\(key)", \(yes)}
              - {path: /certificate, user: alice, certificate: "\(certificate)", \(yes)}
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
