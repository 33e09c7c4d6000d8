import ArgumentParser
import ConfigdCore
import Foundation
import SharedConfig

/// Reads a configuration as daemons do, with the environment; without a path only that counts.
/// Tells its problems and ends with status 78 where it has some.
func loadConfiguration(_ path: String?) throws -> LoadedConfig {
    do throws(ConfigProblems) {
        let environment = ProcessInfo.processInfo.environment
        return try ConfigLoader.load(path: path, environment: environment, overrides: [])
    } catch {
        throw tellProblems(error, path ?? "environment")
    }
}

/// Reads rules as configd does. Tells their problems and ends with status 78 where they have some.
func readRules(_ paths: [String]) throws -> RuleSet {
    do throws(ConfigProblems) {
        return try RuleBook(paths: paths).rules
    } catch {
        throw tellProblems(error, nil)
    }
}

/// Writes problems to standard error, and says what to end with.
func tellProblems(_ problems: ConfigProblems, _ path: String?) -> ExitCode {
    for problem in problems.list {
        let place = path.map { "\($0): " } ?? ""
        printError("\(place)\(problem)".printable)
    }
    return ExitCode(78)
}

/// The bytes of a file, or of standard input for `-`, up to the first line's end.
func readFirstLine(_ path: String) throws -> [UInt8] {
    let data =
        path == "-"
        ? try FileHandle.standardInput.readToEnd() ?? Data()
        : try Data(contentsOf: URL(filePath: path))
    return [UInt8](data.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
}
