import Foundation

#if canImport(FoundationXML)
    import FoundationXML
#endif

import SharedConfig
import Testing
import WebhookKit

@Suite("Tester of webhooks", .timeLimit(.minutes(5)))
struct WebhookTesterTests {
    @Test("a webhook in order passes everything, with more than 60 checks")
    func good() async throws {
        let results = try await withMock(Scripts.good()) { url in
            try await test(url) { $0.endpoints = Set(WebhookEndpoint.allCases) }
        }
        #expect(results.failures == [])
        #expect(results.count > 60)
    }

    @Test("without a user the checks that need one are skipped and say so")
    func skipped() async throws {
        let results = try await withMock(Scripts.good()) { url in
            try await test(url) {
                $0.username = ""
                $0.password = nil
                $0.publicKey = nil
            }
        }
        #expect(results.failures == [])
        let skipped = results.filter {
            if case .skipped(let text) = $0.outcome { text.hasPrefix("needs --") } else { false }
        }
        #expect(skipped.count >= 8)
    }

    /// What is wrong with a webhook, and a part of what the tester says about it.
    static let broken: [(reply: String, complaint: String)] = [
        (
            "{path: /password, json: {success: true, authenticatedUsername: x}}",
            "a wrong password is refused: accepted"
        ),
        ("{path: /password, status: 500}", "status 500, not 200"),
        ("{path: /password, status: 201, json: {success: false}}", "status 201, not 200"),
        ("{path: /password, body: '<html>No</html>'}", "the body is no JSON object"),
        ("{path: /password, json: {success: 'false'}}", "success is a string, not a boolean"),
        ("{path: /password, json: {}}", "success is missing"),
        (
            "{path: /password, json: {success: false, authenticatedUsername: [a]}}",
            "authenticatedUsername is a list, not a string"
        ),
        (
            "{path: /password, json: {success: false, metadata: {a: b}}}",
            "metadata.a is no map"
        ),
        (
            "{path: /password, json: {success: false, files: {/f: {value: '***'}}}}",
            "files./f.value is no padded base64"
        ),
        (
            "{path: /password, json: {success: false, environment: {A: {value: '1', sensitive: 1}}}}",
            "environment.A.sensitive is no boolean"
        ),
        ("{path: /password, delay: 30s}", "no answer"),
        ("{path: /password, cut: true, body: '{\"success\":false}'}", "no answer"),
        (
            "{path: /password, status: 302, headers: {Location: /elsewhere}}",
            "no answer"
        ),
        (
            "{path: /password, user: alice, password: secret, json: {success: false}}",
            "the right password is accepted, and names who it is: refused"
        ),
        (
            "{path: /password, password: secret, json: {success: true}}",
            "the right password of another user is refused: accepted"
        ),
        (
            "{path: /pubkey, user: alice, json: {success: true, authenticatedUsername: alice}}",
            "another key is refused for the user: accepted"
        ),
        (
            "{path: /authz, user: alice, json: {success: true}}",
            "an unknown identity may not log in as the user: accepted"
        ),
        ("{path: /config, status: 503}", "status 503"),
        ("{path: /config, json: {config: [a]}}", "config is a list, not a map"),
        (
            "{path: /config, json: {config: {backend: nowhere}}}",
            "the configuration of a user is valid"
        ),
        (
            "{path: /pubkey, every: 2, status: 500}",
            "16 questions at the same time are all answered alike"
        ),
    ]

    @Test("finds what is wrong with a broken webhook", arguments: broken)
    func finds(_ webhook: (reply: String, complaint: String)) async throws {
        let results = try await withMock(Scripts.good("  - \(webhook.reply)\n")) { url in
            try await test(url) {
                $0.auth?.timeout = .milliseconds(300)
                $0.config?.timeout = .milliseconds(300)
                // One endpoint that does not answer takes its time for each check.
                $0.endpoints = [.password, .publicKey, .authorization]
            }
        }
        let found = results.failures.contains { $0.contains(webhook.complaint) }
        #expect(found, "\(results.failures)")
    }

    @Test("a conversation that lets people in without an answer is found")
    func conversation() async throws {
        let reply = "  - {path: /keyboard-interactive, json: {success: true}}\n"
        let results = try await withMock(Scripts.good(reply)) { url in
            try await test(url) { $0.endpoints = [.keyboardInteractive] }
        }
        #expect(results.failures.contains { $0.contains("accepted without a question") })
    }

    @Test("what only ContainerSSH would refuse is a warning")
    func remarks() async throws {
        let reply = "  - {path: /password, json: {success: false, hint: a, remoteAddress: here}}\n"
        let results = try await withMock(Scripts.good(reply)) { url in
            try await test(url) {
                $0.endpoints = [.password]
                $0.password = nil
                $0.publicKey = nil
                $0.config = nil
            }
        }
        #expect(results.failures == [])
        #expect(results.warnings.contains { $0.contains("the key hint is unknown") })
        #expect(results.warnings.contains { $0.contains("no address with a port") })
    }

    @Test("nobody at the URL is a failure of every check, and none of them hangs")
    func nobody() async throws {
        let results = try await test("http://127.0.0.1:1")
        #expect(!results.contains { $0.outcome == .passed })
        #expect(WebhookReport(results).failures > 60)
    }
}

@Suite("Report of the webhook tester")
struct WebhookReportTests {
    @Test("JUnit output is XML that holds every check and every failure")
    func junit() async throws {
        let reply = "  - {path: /password, json: {success: '<&\"'}}\n"
        let results = try await withMock(Scripts.good(reply)) { url in
            try await test(url) { $0.endpoints = [.password] }
        }
        let report = WebhookReport(results)
        let counter = ElementCounter()
        let parser = XMLParser(data: Data(report.junit.utf8))
        parser.delegate = counter
        #expect(parser.parse())
        #expect(counter.counts["testcase"] == results.count)
        #expect(counter.counts["failure"] == report.failures)
        #expect(report.failures > 0)
        #expect(counter.counts["skipped"] ?? 0 == report.skipped)
    }
}

private final class ElementCounter: NSObject, XMLParserDelegate {
    var counts: [String: Int] = [:]

    func parser(
        _ parser: XMLParser,
        didStartElement name: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes: [String: String]
    ) {
        counts[name, default: 0] += 1
    }
}
