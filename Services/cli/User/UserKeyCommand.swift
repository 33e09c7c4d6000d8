import ArgumentParser
import AuthClient

/// `berth user key`: gives a user public keys, or takes one away.
struct UserKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Gives a user public keys, or takes one away."
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "The user's name.")
    var name: String

    @Argument(help: "A .pub file; - or nothing reads standard input.")
    var file: String?

    @Option(name: .customLong("remove"), help: "The fingerprint of the key to take away.")
    var fingerprint: String?

    func validate() throws {
        guard fingerprint == nil || file == nil else {
            throw ValidationError("Give either a file or --remove.")
        }
    }

    func run() async throws {
        if let fingerprint {
            return try await parent.admin.run { client in
                try await client.removeKey(name, fingerprint: fingerprint)
                print("removed \(fingerprint)")
            }
        }
        let lines = try readKeys(file ?? "-")
        try await parent.admin.run { client in
            for line in lines {
                let key = try await client.addKey(name, line)
                print("added \(key.fingerprint) \(key.type)")
            }
        }
    }
}
