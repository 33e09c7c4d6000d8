import ArgumentParser
import AuditClient
import Foundation
import NIOCore
import SharedAudit

/// `berth recording`: finds, shows and replays recordings.
struct RecordingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recording",
        abstract: "Finds and shows recordings of sessions.",
        subcommands: [List.self, Show.self, Cast.self, Decode.self]
    )

    /// `berth recording list`
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists recordings, newest first."
        )

        @OptionGroup var auditd: AuditdOptions

        @Option(help: "Only recordings of this login name.")
        var user: String?

        @Option(help: "Only recordings of connections from this IP address.")
        var address: String?

        @Option(help: "Only what began at or after this time, such as 2024-05-01T10:00:00Z.")
        var since: String?

        @Option(help: "Only what began before this time.")
        var until: String?

        @Option(help: "At most this many.")
        var limit = 50

        @Flag(help: "One JSON object per recording and line.")
        var json = false

        func validate() throws {
            guard limit >= 1 else { throw ValidationError("--limit must be at least 1.") }
        }

        func run() async throws {
            var left = limit
            var cursor: String?
            repeat {
                let page = try await page(cursor, limit: min(left, 1000))
                for recording in page.recordings { try show(recording) }
                left -= page.recordings.count
                cursor = page.next
            } while cursor != nil && left > 0
        }

        private func page(_ cursor: String?, limit: Int) async throws -> RecordingPage {
            let given = [
                ("user", user), ("address", address), ("since", since), ("until", until),
                ("cursor", cursor), ("limit", String(limit)),
            ]
            let query = given.compactMap { name, value in
                value.map { "\(name)=\($0.queryEncoded)" }
            }
            let path = RecordingRoutes.list + "?" + query.joined(separator: "&")
            var body: [UInt8] = []
            try await auditd.get(path) { body += $0 }
            return try JSONDecoder().decode(RecordingPage.self, from: Data(body))
        }

        private func show(_ recording: RecordingSummary) throws {
            guard json else { return print(recording.line) }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(recording), as: UTF8.self))
        }
    }

    /// `berth recording show ID`
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints what happened, one JSON object per event and line."
        )

        @OptionGroup var auditd: AuditdOptions
        @OptionGroup var recording: RecordingArgument

        func run() async throws {
            try await auditd.get(try RecordingRoutes.messages(recording.name), writeOutput)
        }
    }

    /// `berth recording cast ID`
    struct Cast: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints what the terminal showed as asciicast, for `asciinema play`."
        )

        @OptionGroup var auditd: AuditdOptions
        @OptionGroup var recording: RecordingArgument

        func run() async throws {
            try await auditd.get(try RecordingRoutes.cast(recording.name), writeOutput)
        }
    }

    /// `berth recording decode FILE`
    struct Decode: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Decodes a recording's file without auditd.",
            discussion: """
                Reads format versions 1 and 2, also of sessions that still run or were cut off. \
                What can't be decoded is told in a line {"error":"…"}.
                """
        )

        @Argument(help: "The file; - reads standard input.")
        var file: String

        @Flag(help: "Print an asciicast instead of JSON lines.")
        var cast = false

        func run() throws {
            let handle = try open()
            var decoder = RecordingDecoder()
            var encoder = CastEncoder()
            while let piece = try handle.read(upToCount: 256 << 10), !piece.isEmpty {
                write(decoder.feed(ByteBuffer(bytes: piece)), &encoder)
            }
            write(decoder.end(), &encoder)
            if cast { writeOutput(Array(encoder.finish().readableBytesView)) }
        }

        private func open() throws -> FileHandle {
            guard file != "-" else { return .standardInput }
            guard let handle = FileHandle(forReadingAtPath: file) else {
                printError("The file \(file.printable) cannot be read.")
                throw ExitCode.failure
            }
            return handle
        }

        private func write(_ items: [RecordingDecoder.Item], _ encoder: inout CastEncoder) {
            for item in items {
                switch item {
                case .message(let message) where cast: encoder.append(message)
                case .failure(let text) where cast: printError(text)
                case .message, .failure: writeOutput(Array((item.jsonLine + "\n").utf8))
                }
            }
            if cast { writeOutput(Array(encoder.take().readableBytesView)) }
        }
    }
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

private func writeOutput(_ bytes: [UInt8]) {
    FileHandle.standardOutput.write(Data(bytes))
}

extension RecordingSummary {
    /// One line for a terminal; the user's name comes from outside.
    fileprivate var line: String {
        let start = Date(timeIntervalSince1970: Double(facts.startedAt) / 1e9)
        let fields = [
            id, start.formatted(.iso8601), state.rawValue, String(size),
            facts.remoteAddress, facts.country, facts.username.isEmpty ? "-" : facts.username,
        ]
        return fields.joined(separator: "  ").printable
    }
}

extension String {
    /// For the value of a query parameter (RFC 3986 §3.4).
    fileprivate var queryEncoded: String {
        let plain = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:"
        )
        return addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}
