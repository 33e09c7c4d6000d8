import ArgumentParser
import AuditClient

/// `berth recording`: finds, shows and replays recordings.
struct RecordingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recording",
        abstract: "Finds, shows and replays recordings of sessions.",
        subcommands: [
            RecordingListCommand.self, RecordingShowCommand.self, RecordingPlayCommand.self,
            RecordingCastCommand.self, RecordingExportCommand.self, RecordingDecodeCommand.self,
            RecordingGrepCommand.self, RecordingWatchCommand.self, RecordingVerifyCommand.self,
        ]
    )
}

/// The name of a recording on the command line.
struct RecordingArgument: ParsableArguments {
    @Argument(help: "The connection's identifier: 32 hexadecimal digits.")
    var id: String

    var name: RecordingID {
        get throws {
            guard let name = RecordingID(id.lowercased()) else {
                throw ValidationError("An identifier has 32 hexadecimal digits.")
            }
            return name
        }
    }
}
