import ArgumentParser

/// Measures parts of Berth on this machine; one JSON line per result of a running server.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth-bench",
        abstract: "Measures parts of Berth on this machine.",
        subcommands: [CryptoBench.self, Load.self, Idle.self, Echo.self, Serve.self]
    )
}
