import ArgumentParser
import AuditClient
import Foundation
import SharedHTTP

/// `berth recording grep`
struct RecordingGrepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grep",
        abstract: "Finds lines that terminals showed, and commands that were run.",
        discussion: """
            Any part of a line of at least three characters, whatever its case. Lines are those \
            of sessions that have ended. The status is 1 if nothing was found.
            """
    )

    @OptionGroup var auditd: AuditdOptions

    @Argument(help: "What to look for.")
    var text: String

    @Flag(help: "Only commands, not what was shown.")
    var commands = false

    @Option(help: "Only in this recording.")
    var recording: String?

    @Option(help: "At most this many lines.")
    var limit = 100

    @Flag(help: "One JSON object per line.")
    var json = false

    @OptionGroup var progress: ProgressOptions

    func validate() throws {
        guard text.unicodeScalars.count >= 3 else {
            throw ValidationError("The text must have at least three characters.")
        }
        guard limit >= 1 else { throw ValidationError("--limit must be at least 1.") }
    }

    func run() async throws {
        var left = limit
        var cursor: String?
        var line = progress.line("found", total: 0, unit: .lines, prints: true)
        repeat {
            let page = try await page(cursor, limit: min(left, 1000))
            for line in page.lines { try show(line) }
            left -= page.lines.count
            line.advance(to: UInt64(limit - left))
            cursor = page.next
        } while cursor != nil && left > 0
        line.finish()
        if left == limit { throw ExitCode.failure }
    }

    private func page(_ cursor: String?, limit: Int) async throws -> RecordedLines {
        let given = [
            ("text", text), ("kind", commands ? "command" : nil), ("recording", recording),
            ("cursor", cursor), ("limit", String(limit)),
        ]
        let query = given.compactMap { name, value in
            value.map { "\(name)=\($0.queryEncoded)" }
        }
        return try await auditd.decode(
            RecordedLines.self,
            RecordingRoutes.lines + "?" + query.joined(separator: "&")
        )
    }

    private func show(_ line: RecordedLine) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return print(String(decoding: try encoder.encode(line), as: UTF8.self))
        }
        let time = Duration.seconds(line.offset)
            .formatted(.time(pattern: .hourMinuteSecond(padHourToLength: 2)))
        let sign = line.kind == "command" ? "$" : " "
        print("\(line.recording)  \(time)  \(sign) \(line.text)".printable)
    }
}

/// `berth recording watch`
struct RecordingWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Prints what happens in a running session, one JSON object per event and line."
    )

    @OptionGroup var auditd: AuditdOptions
    @OptionGroup var recording: RecordingArgument

    func run() async throws {
        var lines = EventLines()
        try await auditd.get(
            RecordingRoutes.live(recording.name),
            timeLimit: .idle(.seconds(60))
        ) { bytes in
            for message in lines.take(bytes) { writeOutput((message + "\n").utf8) }
        }
    }
}

/// The data of server-sent events called `message`.
struct EventLines {
    private var rest: [UInt8] = []
    private var isMessage = false

    mutating func take(_ bytes: [UInt8]) -> [String] {
        rest += bytes
        var messages: [String] = []
        var start = 0
        while let end = rest[start...].firstIndex(of: 0x0A) {
            let line = String(decoding: rest[start..<end], as: UTF8.self)
            start = end + 1
            if line.hasPrefix("event: ") { isMessage = line == "event: message" }
            if isMessage, line.hasPrefix("data: ") { messages.append(String(line.dropFirst(6))) }
        }
        rest.removeFirst(start)
        return messages
    }
}
