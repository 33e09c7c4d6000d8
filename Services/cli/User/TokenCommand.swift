import ArgumentParser
import AuthClient

/// `berth token`: tokens for authd's administration.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Manages tokens for the administration of authd.",
        subcommands: [
            TokenAddCommand.self, TokenListCommand.self, TokenRemoveCommand.self,
        ]
    )
}

struct TokenAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Makes a token and prints it, this once."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The token's name; changes made with it are noted under this name.")
    var name: String

    @Flag(help: "Let the token read only.")
    var readOnly = false

    @Option(help: "When it stops to count: 2026-12-31, or 2026-12-31T18:00:00Z.")
    var expires: String?

    func run() async throws {
        try await admin.run { client in
            let token = NewToken(name: name, readOnly: readOnly, expires: expires)
            print(try await client.addToken(token).token)
        }
    }
}

struct TokenListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the tokens, without their secrets."
    )

    @OptionGroup var admin: AdminOptions

    func run() async throws {
        try await admin.run { client in
            for token in try await client.tokens() {
                var traits = ["made \(token.created)"]
                if token.readOnly { traits.append("read-only") }
                if let expires = token.expires { traits.append("until \(expires)") }
                print("\(token.name): \(traits.joined(separator: ", "))")
            }
        }
    }
}

struct TokenRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Takes a token back."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The token's name.")
    var name: String

    func run() async throws {
        try await admin.run { client in
            try await client.removeToken(name)
            print("removed \(name)")
        }
    }
}
