import ArgumentParser
import Foundation
import GatewayClient
import SharedMessages

/// `berth sessions kill`.
struct SessionsKillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Ends connections; the people are told why."
    )

    @ParentCommand var parent: SessionsCommand

    @Argument(help: "Ids as `berth sessions list` shows them.")
    var ids: [String] = []

    @Option(help: "All connections of this login name or identity.")
    var user: String?

    @Option(help: "What the people are told.")
    var reason: String

    func validate() throws {
        guard ids.isEmpty != (user == nil) else {
            throw ValidationError("Name either ids or --user.")
        }
    }

    func run() async throws {
        try await parent.run { client in
            let kill = SessionKill(reason: reason, actor: NSUserName())
            for id in try await chosen(client) {
                do {
                    try await client.kill(id, kill)
                    print("\(id) ended")
                } catch let error as CodedError
                    where error.code == .gatewaySessionUnknown && user != nil
                {
                    continue  // It ended by itself since the list was made.
                }
            }
        }
    }

    private func chosen(_ client: SessionClient) async throws -> [String] {
        guard let user else { return ids }
        return try await client.list().filter { $0.belongs(to: user) }.map(\.id)
    }
}
