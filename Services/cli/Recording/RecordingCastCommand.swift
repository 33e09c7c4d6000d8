import ArgumentParser
import AuditClient
import SharedAudit

/// `berth recording cast ID`
struct RecordingCastCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cast",
        abstract: "Prints what the terminal showed as asciicast, for `asciinema play`."
    )

    @OptionGroup var auditd: AuditdOptions
    @OptionGroup var recording: RecordingArgument

    @Option(help: "The asciicast's version, 2 or 3.")
    var version = CastVersion.two

    func run() async throws {
        let path = try RecordingRoutes.cast(recording.name) + "?version=\(version.rawValue)"
        try await auditd.get(path) { writeOutput($0) }
    }
}

/// How a version of the asciicast is called on the command line.
enum CastVersion: String, ExpressibleByArgument {
    case two = "2"
    case three = "3"

    var encoder: CastEncoder { CastEncoder(version: self == .two ? .two : .three) }
}
