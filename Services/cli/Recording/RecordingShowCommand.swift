import ArgumentParser
import AuditClient
import SharedAudit

/// `berth recording show ID`
struct RecordingShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Prints what happened, one JSON object per event and line."
    )

    @OptionGroup var auditd: AuditdOptions
    @OptionGroup var recording: RecordingArgument
    @OptionGroup var identity: IdentityOption

    func run() async throws {
        let id = try recording.name
        guard identity.identity != nil else {
            return try await auditd.get(RecordingRoutes.messages(id)) { writeOutput($0) }
        }
        try await auditd.items(of: id, identity) { items in
            for item in items { writeOutput((item.jsonLine + "\n").utf8) }
        }
    }
}
