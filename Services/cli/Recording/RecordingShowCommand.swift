import ArgumentParser
import AuditClient

/// `berth recording show ID`
struct RecordingShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Prints what happened, one JSON object per event and line."
    )

    @OptionGroup var auditd: AuditdOptions
    @OptionGroup var recording: RecordingArgument

    func run() async throws {
        try await auditd.get(try RecordingRoutes.messages(recording.name)) { writeOutput($0) }
    }
}
