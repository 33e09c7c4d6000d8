import ArgumentParser
import AuthClient

/// `berth group`: what groups bring to their members.
struct GroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group",
        abstract: "Manages what groups bring to their members.",
        discussion: "Who is a member is set with berth user add and change, by --group.",
        subcommands: [
            GroupListCommand.self, GroupSetCommand.self, GroupRemoveCommand.self,
        ]
    )
}

struct GroupListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the groups with their members."
    )

    @OptionGroup var admin: AdminOptions

    func run() async throws {
        try await admin.run { client in
            for group in try await client.groups() {
                var traits = [
                    group.members.isEmpty ? "no members" : group.members.joined(separator: " ")
                ]
                if !group.loginNames.isEmpty {
                    traits.append("log in as " + group.loginNames.joined(separator: " "))
                }
                if !group.description.isEmpty { traits.append(group.description.printable) }
                print("\(group.name): \(traits.joined(separator: ", "))")
            }
        }
    }
}

struct GroupSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Makes a group, or replaces what it brings."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The group's name.")
    var name: String

    @Option(help: "What it is for.")
    var description = ""

    @Option(help: "A name, or glob:PATTERN, under which members may log in; may be repeated.")
    var loginName: [String] = []

    func run() async throws {
        try await admin.run { client in
            let group = NewGroup(name: name, description: description, loginNames: loginName)
            print("set \(try await client.setGroup(group).name)")
        }
    }
}

struct GroupRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Removes a group, also from its members."
    )

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The group's name.")
    var name: String

    func run() async throws {
        try await admin.run { client in
            try await client.removeGroup(name)
            print("removed \(name)")
        }
    }
}
