import ArgumentParser
import Foundation
import Logging
import SharedConfig
import SharedHTTP
import SharedMessages
import WebhookKit

/// `berth webhook mock`.
struct WebhookMockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mock",
        abstract: "Is a webhook that says what a script says.",
        discussion: """
            For trying a gateway, never for guarding one. Prints where it listens, then one line \
            of JSON for each request, without passwords. Without a script it refuses everybody.
            """
    )

    @Argument(help: "The script, a YAML file; see docs/webhooks.md.")
    var script: String?

    @Option(help: "Where to listen: an address with a port, or unix:///path.")
    var listen = "127.0.0.1:8080"

    @Option(name: .customLong("cert"), help: "Serve TLS with this certificate.")
    var certificate = ""

    @Option(name: .customLong("cert-key"), help: "The key of --cert.")
    var key = ""

    @Option(help: "Serve only clients with a certificate below this authority.")
    var clientcacert = ""

    func run() async throws {
        do {
            try await serve()
        } catch let problems as ConfigProblems {
            printError(problems.description)
            throw ExitCode(78)
        } catch let error as CodedError {
            tell(error)
            throw ExitCode.failure
        }
    }

    private func serve() async throws {
        var rules = MockScript()
        if let script {
            rules = try MockScript.read(
                ConfigFile(
                    path: script,
                    bytes: [UInt8](try Data(contentsOf: URL(filePath: script)))
                )
            )
        } else {
            rules.replies = [.refusal]
        }
        var server = HTTPServerConfig(listen: listen)
        server.certificate = PEMSource(certificate)
        server.key = PEMSource(key)
        server.clientCACertificate = PEMSource(clientcacert)
        let quiet = Logger(label: "mock") { _ in SwiftLogNoOpLogHandler() }
        let mock = MockWebhook(rules) { record in
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            // A record of texts and numbers always encodes.
            guard let line = try? encoder.encode(record) else { return }
            writeOutput(line + Data("\n".utf8))
        }
        let service = try mock.service(HTTPServerOptions(server), logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            group.addTask {
                let address = try await service.boundAddress()
                writeOutput(Array("listening on \(address)\n".utf8))
            }
            try await group.waitForAll()
        }
    }
}
