import ArgumentParser
import AuditClient
import NIOCore
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

    @OptionGroup var identity: IdentityOption

    func run() async throws {
        let id = try recording.name
        guard identity.identity != nil else {
            let path = RecordingRoutes.cast(id) + "?version=\(version.rawValue)"
            return try await auditd.get(path) { writeOutput($0) }
        }
        var encoder = version.encoder
        try await auditd.items(of: id, identity) { items in
            for case .message(let message) in items { encoder.append(message) }
            writeOutput(encoder.take().readableBytesView)
        }
        writeOutput(encoder.finish().readableBytesView)
    }
}

/// How a version of the asciicast is called on the command line.
enum CastVersion: String, ExpressibleByArgument {
    case two = "2"
    case three = "3"

    var encoder: CastEncoder { CastEncoder(version: self == .two ? .two : .three) }
}
