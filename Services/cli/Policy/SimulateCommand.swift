import ArgumentParser
import ConfigdCore
import Foundation
import SharedConfig
import SharedMessages
import SharedModels
import SimulationKit

/// `berth simulate`.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Tells what would become of a login, and why.",
        discussion: """
            Takes a connection that nobody makes through the gateway's own code. With a key or a \
            password the auth webhook is asked as at a login; without, --user is taken to be who \
            they say. What they get is decided by --rules, or else asked of configserver.url. \
            Ends with status 0 if they get in and every request is allowed, else with 1.
            """
    )

    @Option(help: "The name that is typed.")
    var user: String

    @Option(help: "The client's IP address.")
    var ip = "192.0.2.1"

    @Option(help: "A .pub file with the key, or the certificate, that the client proves.")
    var key: String?

    @Option(help: "A file whose first line is the password; - for standard input.")
    var passwordFile: String?

    @Option(help: "Without a key: the verified identity.")
    var identity = ""

    @Option(parsing: .singleValue, help: "Without a key: NAME=VALUE; may be repeated.")
    var metadata: [String] = []

    @Option(help: "The client's country, two capital letters.")
    var country = ""

    @Option(help: "The time of the login, such as 2026-01-07T12:00:00Z; now without it.")
    var time: String?

    @Option(parsing: .singleValue, help: "A command that is run; may be repeated.")
    var command: [String] = []

    @Option(
        parsing: .singleValue,
        help: "Something else that is asked for: shell, pty, subsystem sftp, forward HOST:PORT, …"
    )
    var request: [String] = []

    @Option(help: "The gateway's configuration.")
    var config: String?

    @Option(parsing: .singleValue, help: "A file or directory of rules; may be repeated.")
    var rules: [String] = []

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard IPAddress(ip) != nil else { throw ValidationError("--ip is no IP address.") }
        for text in request where SimulatedRequest(text) == nil {
            throw ValidationError("--request \(text) is nothing that a client asks for.")
        }
        if let time, (try? Date(time, strategy: .iso8601)) == nil {
            throw ValidationError("--time is no time such as 2026-01-07T12:00:00Z.")
        }
        guard country.isEmpty || country.count == 2 else {
            throw ValidationError("--country has two capital letters.")
        }
    }

    func run() async throws {
        let loaded = try loadConfiguration(config)
        let configuration: Simulator.Configuration =
            rules.isEmpty
            ? .webhook(explainedBy: try? RuleBook(paths: loaded.config.configd.rules).rules)
            : .rules(try readRules(rules))
        let result: SimulationResult
        do {
            result = try await Simulator(loaded.config, configuration).run(try login())
        } catch let error as CodedError {
            tell(error)
            throw ExitCode.failure
        }
        let file = config ?? "config"
        let report = SimulationReport(result, base: loaded.origins, file: file)
        if json {
            writeOutput(report.json.utf8)
        } else {
            writeOutput(report.text.printableLines.utf8)
        }
        let isGood = result.outcome == .accepted && result.answers.allSatisfy(\.isAllowed)
        guard isGood else { throw ExitCode.failure }
    }

    private func login() throws -> SimulatedLogin {
        let requests = (request + command.map { "exec \($0)" }).compactMap(SimulatedRequest.init)
        return SimulatedLogin(
            username: user,
            address: ip,
            credential: try credential(),
            country: country,
            date: try time.map { try Date($0, strategy: .iso8601) } ?? Date(),
            requests: requests
        )
    }

    private func credential() throws -> SimulatedLogin.Credential {
        if let key { return .key(try readKeyBlob(key)) }
        if let passwordFile { return .password(try readFirstLine(passwordFile)) }
        var carried = ConnectionMetadata()
        for pair in metadata {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? String(parts[1]) : ""
            carried.metadata[String(parts[0])] = MetadataValue(value)
        }
        return .assumed(AssumedIdentity(name: identity, carried: carried))
    }

    /// The key or certificate of a file's first line that has one.
    private func readKeyBlob(_ path: String) throws -> [UInt8] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            if words.count > 1, let blob = Data(base64Encoded: String(words[1])) {
                return [UInt8](blob)
            }
        }
        throw ValidationError("\(path) holds no public key.")
    }
}
