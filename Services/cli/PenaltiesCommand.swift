import ArgumentParser
import AuthClient
import Foundation
import Logging
import SharedConfig
import SharedMessages

/// `berth penalties`: the sources that a gateway, or several with a common authd, refuse.
struct PenaltiesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "penalties",
        abstract: "Shows and forgives the sources that are refused after failures.",
        discussion: """
            Asks a gateway, or the authd through which several count together \
            (--server unix:///run/berth/authd-admin.sock).
            """,
        subcommands: [PenaltiesListCommand.self, PenaltiesClearCommand.self]
    )
}

/// Where penalties are kept.
struct PenaltiesOptions: ParsableArguments {
    @Option(help: "The URL of gateway.admin.listen or of authd.admin.listen.")
    var server = "unix:///run/berth/gateway-admin.sock"

    @Option(help: "For authd: a file whose first line is the token to show.")
    var tokenFile: String?

    @OptionGroup var tls: TLSOptions

    /// Calls the server and tells a failure by its code; the exit status is then 1.
    func run(_ body: (PenaltiesClient) async throws -> Void) async throws {
        let logger = Logger(label: "penalties") { _ in SwiftLogNoOpLogHandler() }
        let token = try AdminToken.read(tokenFile)
        do {
            try await body(try PenaltiesClient(tls.client(server), token: token, logger: logger))
        } catch let error as CodedError {
            tell(error)
            throw ExitCode.failure
        }
    }
}

/// `berth penalties list`.
struct PenaltiesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the sources with penalties, the longest first."
    )

    @OptionGroup var options: PenaltiesOptions

    @Flag(help: "Print everything as JSON.")
    var json = false

    func run() async throws {
        try await options.run { client in
            let penalties = try await client.list()
            guard !json else {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                return print(String(decoding: try encoder.encode(penalties), as: UTF8.self))
            }
            for penalty in penalties { show(penalty) }
        }
    }

    private func show(_ penalty: PenaltyRecord) {
        let state = penalty.banned ? "banned" : penalty.refused ? "refused" : "noted"
        print(
            "\(penalty.source.printable): \(state), \(penalty.remainingSeconds) s, "
                + "last for \(penalty.cause.rawValue)"
        )
    }
}

/// `berth penalties clear`.
struct PenaltiesClearCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear",
        abstract: "Forgives one source, or all."
    )

    @OptionGroup var options: PenaltiesOptions

    @Argument(help: "An address or a network as it is listed; without one, all are forgiven.")
    var address: String?

    func run() async throws {
        try await options.run { try await $0.clear(address) }
    }
}
