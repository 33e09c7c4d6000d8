import ArgumentParser
import ConfigdCore
import SharedConfig

/// `berth config lint`.
struct ConfigLintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Finds what is wrong with rules of configd.",
        discussion: """
            Prints one line for each problem, with its file and line. Ends with status 0 if there \
            is no error, else with 1.
            """
    )

    @Argument(help: "Files and directories; without any, those of configd.rules in --config.")
    var paths: [String] = []

    @Option(help: "A gateway's configuration, over which rules are tried one by one.")
    var config: String?

    @Flag(help: "Take warnings for errors.")
    var strict = false

    func validate() throws {
        guard !paths.isEmpty || config != nil else {
            throw ValidationError("There is nothing to look at without a path or --config.")
        }
    }

    func run() async throws {
        let base = try config.map { try loadConfiguration($0).config }
        let paths = paths.isEmpty ? base?.configd.rules ?? [] : paths
        let lint = RuleLint(paths: paths, base: base)
        for finding in lint.findings { print("\(finding)".printable) }
        printError("\(lint.count) rules, \(lint.errors) errors, \(lint.warnings) warnings")
        let isClean = lint.errors == 0 && (!strict || lint.warnings == 0)
        guard isClean else { throw ExitCode.failure }
    }
}
