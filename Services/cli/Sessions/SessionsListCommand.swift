import ArgumentParser
import Foundation
import GatewayClient

/// `berth sessions list`.
struct SessionsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the connections, the oldest first."
    )

    @ParentCommand var parent: SessionsCommand

    @Option(help: "Only those of this login name or identity.")
    var user: String?

    @Flag(help: "Print everything as JSON.")
    var json = false

    func run() async throws {
        try await parent.run { client in
            let all = try await client.list()
            let chosen = all.filter { record in user.map { record.belongs(to: $0) } ?? true }
            guard !json else {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                return print(String(decoding: try encoder.encode(chosen), as: UTF8.self))
            }
            for record in chosen { print(record.line) }
        }
    }
}

extension SessionRecord {
    func belongs(to user: String) -> Bool { username == user || authenticatedUsername == user }

    fileprivate var line: String {
        let name = username.isEmpty ? "-" : username.printable
        let state = isAuthenticated ? "\(openSessions) open" : "logging in"
        let seconds = Duration.seconds(Int(age)).formatted(.time(pattern: .hourMinuteSecond))
        return "\(id)  \(name)  \(remoteAddress)  \(seconds)  \(state)  "
            + "\(bytesReceived) in  \(bytesSent) out"
    }
}
