import ArgumentParser
import AuthClient
import SharedModels

/// `berth user passwd`.
struct UserPasswordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passwd",
        abstract: "Sets a user's password, or takes it away."
    )

    @ParentCommand var parent: UserCommand
    @OptionGroup var password: PasswordInput

    @Argument(help: "The user's name.")
    var name: String

    @Flag(help: "Take the password away.")
    var noPassword = false

    func run() async throws {
        let bytes = noPassword ? nil : try password.read()
        try await parent.admin.run { client in
            try await client.setPassword(name, bytes)
            print("changed \(name)")
        }
    }
}

/// `berth user change`.
struct UserChangeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change",
        abstract: "Replaces a user's groups, login names, metadata or environment.",
        discussion: "What is not named stays. An empty value, as in --group '', clears a list."
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "The user's name.")
    var name: String

    @Option(help: "A group; may be repeated.")
    var group: [String] = []

    @Option(help: "Another name under which the user may log in; may be repeated.")
    var loginName: [String] = []

    @Option(help: "NAME=VALUE for rules and backends; may be repeated.")
    var metadata: [String] = []

    @Option(help: "NAME=VALUE for the user's programs; may be repeated.")
    var environment: [String] = []

    func run() async throws {
        let change = UserChange(
            groups: list(group),
            loginNames: list(loginName),
            metadata: try map(metadata),
            environment: try map(environment)
        )
        try await parent.admin.run { client in
            _ = try await client.change(name, change)
            print("changed \(name)")
        }
    }

    private func list(_ values: [String]) -> [String]? {
        values.isEmpty ? nil : values.filter { !$0.isEmpty }
    }

    private func map(_ values: [String]) throws -> [String: MetadataValue]? {
        guard let values = list(values) else { return nil }
        return try values.reduce(into: [:]) { map, text in
            guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
                throw ValidationError("\(text) is not NAME=VALUE.")
            }
            map[String(text[..<sign])] = MetadataValue(String(text[text.index(after: sign)...]))
        }
    }
}

/// `berth user enable`.
struct UserEnableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable",
        abstract: "Lets a disabled user log in again."
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "The user's name.")
    var name: String

    func run() async throws {
        try await parent.admin.run { client in
            _ = try await client.change(name, UserChange(disabled: false))
            print("enabled \(name)")
        }
    }
}

/// `berth user disable`.
struct UserDisableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable",
        abstract: "Refuses a user's logins from now on, and keeps everything else."
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "The user's name.")
    var name: String

    func run() async throws {
        try await parent.admin.run { client in
            _ = try await client.change(name, UserChange(disabled: true))
            print("disabled \(name)")
        }
    }
}

/// `berth user remove`.
struct UserRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Removes a user with all keys."
    )

    @ParentCommand var parent: UserCommand

    @Argument(help: "The user's name.")
    var name: String

    func run() async throws {
        try await parent.admin.run { client in
            try await client.remove(name)
            print("removed \(name)")
        }
    }
}
