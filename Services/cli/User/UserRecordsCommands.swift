import ArgumentParser
import AuthClient
import Foundation

/// `berth user expire`.
struct UserExpireCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expire",
        abstract: "Sets the day after which a user cannot log in any more."
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "The user's name.")
    var name: String

    @Argument(help: "2026-12-31 (the whole day), 2026-12-31T18:00:00Z, or never.")
    var date: String

    func run() async throws {
        try await parent.admin.run { client in
            let change = UserChange(expires: date == "never" ? "" : date)
            let user = try await client.change(name, change)
            print("\(name) expires \(user.expires ?? "never")")
        }
    }
}

/// `berth user history`.
struct UserHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Lists what was changed, by whom and when, the newest first."
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "Only changes of this user, group or token.")
    var name: String?

    @Option(help: "At most so many, 1...1000.")
    var limit = 100

    func run() async throws {
        try await parent.admin.run { client in
            for change in try await client.changes(of: name, limit: limit) {
                let detail = change.detail.isEmpty ? "" : ": \(change.detail)"
                print("\(change.time) \(change.actor): \(change.action) \(change.subject)\(detail)")
            }
        }
    }
}

/// `berth user backup`.
struct UserBackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Writes a copy of authd's database, while it runs, to a new file.",
        discussion: "The copy holds the hashes of all passwords; only its owner can read it."
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "The file to make; it must not be there yet.")
    var file: String

    func run() async throws {
        guard !FileManager.default.fileExists(atPath: file) else {
            throw ValidationError("\(file) is there already.")
        }
        try await parent.admin.run { client in
            let bytes = try await client.backup()
            let isMade = FileManager.default.createFile(
                atPath: file,
                contents: Data(bytes),
                attributes: [.posixPermissions: 0o600]
            )
            guard isMade else { throw ValidationError("\(file) cannot be written.") }
            print("wrote \(bytes.count) bytes to \(file)")
        }
    }
}
