import ArgumentParser
import Foundation
import SharedConfig
import SharedMessages
import WebhookKit

/// `berth webhook test`.
struct WebhookTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Finds out whether a webhook does what gateways expect.",
        discussion: """
            Asks it odd, broken and ordinary questions and judges the answers. Tell it of a user \
            that exists to have the right credentials tried too. Ends with status 0 if nothing \
            failed, else with 1.
            """
    )

    @Option(help: "The auth webhook's URL, as in auth.password.webhook.url.")
    var auth: String?

    @Option(help: "The config webhook's URL, as in configserver.url.")
    var config: String?

    @Option(help: "A user that exists.")
    var user = ""

    @Option(help: "A file whose first line is the user's password; - for standard input.")
    var passwordFile: String?

    @Option(help: "A .pub file with a key of the user.")
    var keyFile: String?

    @Option(help: "A -cert.pub file with a certificate of the user, for /certificate.")
    var certificateFile: String?

    @Option(help: "An endpoint of the auth webhook, such as /password; may be repeated.")
    var endpoint: [String] = ["/password", "/pubkey", "/authz"]

    @Option(help: "The longest wait for one answer, in seconds.")
    var timeout = 2.0

    @Option(name: .customLong("cacert"), help: "For https: the only authority to trust.")
    var authority = ""

    @Option(name: .customLong("cert"), help: "For https: the client certificate.")
    var certificate = ""

    @Option(name: .customLong("cert-key"), help: "For https: the key of --cert.")
    var certificateKey = ""

    @Option(help: "Write the results to this file as JUnit XML.")
    var junit: String?

    @Flag(help: "Take warnings for failures.")
    var strict = false

    @Flag(help: "Print failures, warnings and the summary only.")
    var quiet = false

    func validate() throws {
        guard auth != nil || config != nil else {
            throw ValidationError("There is nothing to test without --auth or --config.")
        }
        guard (0.1...600).contains(timeout) else {
            throw ValidationError("--timeout must be between 0.1 and 600.")
        }
        for path in endpoint where WebhookEndpoint(rawValue: path) == nil || path == "/config" {
            throw ValidationError("--endpoint \(path) is none of the auth webhook's.")
        }
    }

    func run() async throws {
        let tester: WebhookTester
        do throws(CodedError) {
            tester = try WebhookTester(target())
        } catch {
            tell(error)
            throw ExitCode.failure
        }
        let results = await tester.run { result in
            if case .passed = result.outcome, quiet { return }
            if case .skipped = result.outcome, quiet { return }
            print(WebhookReport.line(result).printableLines)
        }
        let report = WebhookReport(results)
        print(report.summary)
        if let junit { try Data(report.junit.utf8).write(to: URL(filePath: junit)) }
        guard report.failures == 0, !strict || report.warnings == 0 else { throw ExitCode.failure }
    }

    private func target() throws(CodedError) -> WebhookTarget {
        var target = WebhookTarget()
        target.auth = auth.map(client)
        target.config = config.map(client)
        target.username = user
        target.endpoints = Set(endpoint.compactMap(WebhookEndpoint.init(rawValue:)))
        do {
            target.password = try passwordFile.map(readFirstLine)
            target.publicKey = try keyFile.map(key)
            target.certificate = try certificateFile.map(key)
        } catch {
            throw CodedError(.httpClientEncodeFailed, detail: "\(error)")
        }
        return target
    }

    private func client(_ url: String) -> HTTPClientConfig {
        var client = HTTPClientConfig(url: url)
        client.timeout = .seconds(timeout)
        client.caCertificate = PEMSource(authority)
        client.certificate = PEMSource(certificate)
        client.key = PEMSource(certificateKey)
        return client
    }

    /// Type and base64 of the file's first key.
    private func key(_ path: String) throws -> String {
        guard let line = try readKeys(path).first else { return "" }
        return line.split(separator: " ").prefix(2).joined(separator: " ")
    }
}
