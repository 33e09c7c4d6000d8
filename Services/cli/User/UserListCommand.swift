import ArgumentParser
import AuthClient
import Foundation

/// `berth user list`.
struct UserListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the users."
    )

    @ParentCommand var parent: UserCommand

    @Flag(help: "Show the fingerprints of their keys as well.")
    var keys = false

    @Flag(help: "Print everything as JSON.")
    var json = false

    func run() async throws {
        try await parent.admin.run { client in
            let users = try await client.list()
            guard !json else {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                return print(String(decoding: try encoder.encode(users), as: UTF8.self))
            }
            for user in users { show(user) }
        }
    }

    private func show(_ user: UserRecord) {
        var traits = [
            user.hasPassword ? "password" : "no password",
            user.keys.count == 1 ? "1 key" : "\(user.keys.count) keys",
        ]
        if user.secondFactor { traits.append("second factor") }
        if user.disabled { traits.append("disabled") }
        if let expires = user.expires { traits.append("expires \(expires)") }
        if !user.groups.isEmpty { traits.append("groups " + user.groups.joined(separator: " ")) }
        if !user.loginNames.isEmpty {
            traits.append("logs in as " + user.loginNames.joined(separator: " "))
        }
        print("\(user.name): \(traits.joined(separator: ", "))")
        guard keys else { return }
        for key in user.keys {
            let options = key.options.isEmpty ? "" : " \(key.options.printable)"
            print("  \(key.fingerprint) \(key.type) \(key.comment.printable)\(options)")
        }
    }
}
