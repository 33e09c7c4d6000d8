import ArgumentParser

/// Measures parts of Berth on this machine.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-bench",
        abstract: "Measures parts of Berth on this machine.",
        subcommands: [CryptoBench.self]
    )
}
