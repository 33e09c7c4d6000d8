import ArgumentParser

/// `berth config …`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Looks at what people get.",
        subcommands: [ConfigLintCommand.self]
    )
}
