import ArgumentParser
import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedMessages

/// `berth recording play`
struct RecordingPlayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "play",
        abstract: "Shows a session again as it was.",
        discussion: """
            Sequences that would make your terminal do more than show something (answer \
            queries, set the clipboard, report the mouse) are left out unless --raw is given.
            """
    )

    @OptionGroup var auditd: AuditdOptions

    @Argument(help: "The connection's identifier; or, with --file, a recording's file.")
    var recording: String

    @Flag(help: "The argument is a file, not an identifier; - reads standard input.")
    var file = false

    @Option(help: "How much faster than it was.")
    var speed = 1.0

    @Option(help: "Pauses are cut to this many seconds.")
    var longestPause: Double?

    @Option(help: "Begin this many seconds after the connection; what was before is shown at once.")
    var from = 0.0

    @Option(help: "Only this channel, as `show` numbers them; otherwise the first with a program.")
    var channel: UInt64?

    @OptionGroup var identity: IdentityOption

    @Flag(help: "Show every byte as it was, also what may do harm.")
    var raw = false

    func validate() throws {
        guard speed > 0, speed.isFinite else {
            throw ValidationError("--speed must be above 0.")
        }
        guard (longestPause ?? 0) >= 0, (0..<1e9).contains(from) else {
            throw ValidationError("Times must not be negative.")
        }
    }

    func run() async throws {
        let playback = Playback(
            speed: speed,
            longestPause: longestPause.map { .seconds(min($0, 1e9)) },
            from: .seconds(from)
        )
        let show = Show(playback: playback, channel: channel, isFiltered: !raw)
        if file { try await playFile(show) } else { try await playRecording(show) }
        show.finish()
    }

    private func playFile(_ show: Show) async throws {
        var source = try RecordingFile(recording, identity)
        while let items = try source.next() { try await show.play(items) }
        if let fault = source.fault, fault.level != .warning {
            show.finish()
            printError("\(fault.id): \(fault.explanation)")
            throw ExitCode.failure
        }
    }

    private func playRecording(_ show: Show) async throws {
        let id = try RecordingArgument.parse([recording]).name
        try await auditd.items(of: id, identity) { try await show.play($0) }
    }
}

/// Shows messages when their time has come.
private final class Show {
    private var playback: Playback
    private var channel: UInt64?
    private var filter: TerminalFilter?
    private var due = ContinuousClock.now

    init(playback: Playback, channel: UInt64?, isFiltered: Bool) {
        self.playback = playback
        self.channel = channel
        filter = isFiltered ? TerminalFilter() : nil
    }

    func play(_ items: [RecordingDecoder.Item]) async throws {
        for item in items {
            switch item {
            case .failure(let text): printError(text.printable)
            case .message(let message): try await play(message)
            }
        }
    }

    private func play(_ message: AuditMessage) async throws {
        let pause = playback.pause(before: message.timestamp)
        switch message.event {
        case .shell, .exec, .subsystem: if channel == nil { channel = message.channelID }
        default: break
        }
        due += pause
        if due > .now { try await Task.sleep(until: due, clock: .continuous) }
        guard case .io(let stream, let data?) = message.event, stream != .stdin,
            channel == nil || message.channelID == channel
        else { return }
        let shown = filter?.pass(data.readableBytesView) ?? Array(data.readableBytesView)
        writeOutput(shown)
    }

    /// Leaves the terminal as a program would: first screen, no colours, cursor seen.
    func finish() {
        guard isTerminal(FileHandle.standardOutput) else { return }
        writeOutput("\u{1B}[?1049l\u{1B}[0m\u{1B}[?25h\u{1B}[r\u{1B}[999B\n".utf8)
    }
}
