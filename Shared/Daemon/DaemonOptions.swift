package import ArgumentParser

/// The command line that all daemons understand.
package struct DaemonOptions: ParsableArguments, Sendable {
    @Option(help: "The configuration file, YAML or .json; an empty name stands for no file.")
    package var config = "config.yaml"

    @Option(
        name: .customLong("set"),
        parsing: .singleValue,
        help: ArgumentHelp(
            "Set one key, over the environment and the file; may be repeated.",
            valueName: "key.path=value"
        )
    )
    package var overrides: [String] = []

    @Flag(help: "Check the configuration, list its problems, and leave.")
    package var checkConfig = false

    @Flag(help: "Print the configuration in effect, without secrets, and leave.")
    package var dumpConfig = false

    @Flag(name: .customLong("healthcheck"), help: "Ask the running daemon whether it is well.")
    package var healthCheck = false

    package init() {}

    /// The file to read, if any.
    var configPath: String? { config.isEmpty ? nil : config }

    var action: DaemonAction {
        if checkConfig { return .checkConfiguration }
        if dumpConfig { return .dumpConfiguration }
        return healthCheck ? .checkHealth : .serve
    }
}

/// What a daemon's process was started for.
enum DaemonAction: Sendable, Hashable {
    case serve
    case checkConfiguration
    case dumpConfiguration
    case checkHealth
}
