import ArgumentParser
import ConfigdCore
import Foundation
import SharedConfig
import SimulationKit

/// `berth policy …`.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Holds rules against what is expected of them.",
        subcommands: [PolicyTestCommand.self]
    )
}

/// `berth policy test`.
struct PolicyTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Runs policy tests from YAML files.",
        discussion: """
            Takes every login of the files through the gateway's own code and the rules, and asks \
            nobody. Ends with status 0 if nothing failed, with 1 if something did, and with 78 if \
            a file is wrong.
            """
    )

    @Argument(help: "Files of tests.")
    var files: [String]

    @Option(help: "The gateway's configuration.")
    var config: String?

    @Option(parsing: .singleValue, help: "A file or directory of rules; may be repeated.")
    var rules: [String] = []

    @Option(help: "Write the results to this file as JUnit XML.")
    var junit: String?

    @Flag(help: "Print failures and the summary only.")
    var quiet = false

    func run() async throws {
        let loaded = try loadConfiguration(config)
        let paths = rules.isEmpty ? loaded.config.configd.rules : rules
        let rules = try readRules(paths)
        let tests = try files.flatMap(read)
        let runner = PolicyTestRunner(Simulator(loaded.config, .rules(rules)), now: Date())
        var outcomes: [PolicyTestRunner.Outcome] = []
        for (test, place) in tests {
            let outcome = await runner.run(test, place: place)
            outcomes.append(outcome)
            guard !quiet || !outcome.failures.isEmpty else { continue }
            print(PolicyTestReport.line(outcome).printableLines)
        }
        let report = PolicyTestReport(outcomes)
        print(report.summary)
        if let junit { try Data(report.junit.utf8).write(to: URL(filePath: junit)) }
        guard report.failures == 0 else { throw ExitCode.failure }
    }

    private func read(_ path: String) throws -> [(test: PolicyTest, place: String)] {
        do throws(ConfigProblems) {
            let file = ConfigFile(path: path, bytes: try ConfigLoader.read(path))
            return try PolicyTestRunner.read(file)
        } catch {
            throw tellProblems(error, path)
        }
    }
}
