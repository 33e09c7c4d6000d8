import ChildProcess
import Foundation
import NIOCore
import SharedAudit
import Testing

private enum Asciinema {
    static let program = "/usr/bin/asciinema"
    static let isThere = [program, "/usr/bin/script"]
        .allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
}

/// Our asciicasts in asciinema's own program.
///
/// It shows version 2; what it shows of version 3 is its events with times as version 2 counts them
/// (https://docs.asciinema.org/manual/asciicast/v3/).
@Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: Asciinema.isThere, "needs the Debian package asciinema")
)
struct AsciinemaTests {
    /// What programs show, in pieces that do not respect characters.
    private static let pieces: [[UInt8]] = {
        let texts = [
            "$ ", "ls -l\r\n", "\u{1B}[1;31mrød\u{1B}[0m \u{1B}[2J\u{1B}[H",
            "日本語 🙂 \"quoted\\\"\r\n",
            "\u{1B}]0;title\u{7}", "\t\u{8}\u{7F}\r\n",
            String(repeating: "0123456789", count: 5000),
            "\r\nlogout\r\n",
        ]
        return texts.flatMap { text in
            stride(from: 0, to: text.utf8.count, by: 1000).flatMap { start -> [[UInt8]] in
                let piece = Array(Array(text.utf8)[start..<min(start + 1000, text.utf8.count)])
                // Cut in the middle of characters, too.
                return piece.count > 3
                    ? [Array(piece.prefix(3)), Array(piece.dropFirst(3))] : [piece]
            }
        }
    }()

    private static func recording() throws -> ByteBuffer {
        var encoder = BinaryEncoder()
        var time: Int64 = 1_700_000_000_000_000_000
        func append(_ event: AuditEvent, _ channel: UInt64? = 0) {
            time += 1_234_567
            encoder.append(
                AuditMessage(
                    connectionID: "00000000000000000000000000000001",
                    timestamp: time,
                    channelID: channel,
                    event: event
                )
            )
        }
        append(.connect(remoteAddress: "192.0.2.7", country: "CH"), nil)
        append(.environment(requestID: 1, name: "LANG", value: "de_CH.UTF-8"))
        let size = AuditEvent.Size(columns: 132, rows: 43)
        append(.terminal(requestID: 2, term: "xterm-256color", size: size, modes: nil))
        append(.shell(requestID: 3))
        for piece in pieces {
            append(.io(.stdin, ByteBuffer(string: "not shown")))
            append(.io(.stdout, ByteBuffer(bytes: piece)))
        }
        append(.windowChange(requestID: 4, size: size))
        append(.exit(status: 3))
        append(.close)
        append(.disconnect, nil)
        let deflater = try #require(Deflater())
        return encoder.finish(using: deflater)
    }

    private func withCast(
        _ version: String,
        _ body: (URL) async throws -> Void
    ) async throws {
        let folder = URL.temporaryDirectory.appending(path: "berth-asciinema-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "recording")
        try Data(try Self.recording().readableBytesView).write(to: file)
        let end = try await ChildProcess.run(
            "berth",
            ["recording", "decode", "--cast", "--version", version, file.path]
        )
        try #require(end.status == 0, "\(end.errors)")
        let cast = folder.appending(path: "session.cast")
        try Data(end.output.utf8).write(to: cast)
        try await body(cast)
    }

    /// What it shows in a terminal.
    private func shown(_ arguments: [String], _ cast: URL) async throws -> String {
        // It keeps a name of its own.
        let config = URL.temporaryDirectory.appending(path: "asciinema-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: config) }
        let words = [Asciinema.program] + arguments + [cast.path]
        let end = try await ChildProcess.run(
            "/usr/bin/script",
            ["-qec", words.joined(separator: " "), "/dev/null"],
            environment: ["LANG": "C.UTF-8", "ASCIINEMA_CONFIG_HOME": config]
        )
        #expect(end.status == 0, "\(end.output.suffix(2000)) \(end.errors)")
        return end.output
    }

    private var expected: String { String(decoding: Self.pieces.joined(), as: UTF8.self) }

    @Test(
        "it shows what the terminal showed, byte for byte",
        arguments: [["cat"], ["play", "-s", "100000"], ["play", "-i", "0.001"]]
    )
    func versionTwo(_ arguments: [String]) async throws {
        try await withCast("2") { cast in
            let text = try await shown(arguments, cast)
            #expect(text == expected)
        }
    }

    private struct HeaderThree: Decodable {
        struct Terminal: Decodable {
            var cols: Int
            var rows: Int
            var type: String
        }
        var version: Int
        var term: Terminal
        var timestamp: Int
        var env: [String: String]
    }

    @Test("version 3 has the events of version 2, the sizes, and the status at its end")
    func versionThree() async throws {
        try await withCast("3") { cast in
            var lines = try String(contentsOf: cast, encoding: .utf8).split(separator: "\n")
            let header = try JSONDecoder().decode(
                HeaderThree.self,
                from: Data(lines.removeFirst().utf8)
            )
            #expect(header.version == 3 && header.timestamp == 1_700_000_000)
            #expect(header.term.cols == 132 && header.term.rows == 43)
            #expect(header.term.type == "xterm-256color" && header.env["LANG"] == "de_CH.UTF-8")
            var kinds: [String] = []
            var time = 0.0
            var older = [#"{"version": 2, "width": 132, "height": 43}"#]
            for line in lines {
                let event = try #require(
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [Any]
                )
                try #require(event.count == 3)
                let interval = try #require((event[0] as? NSNumber)?.doubleValue)
                #expect(interval >= 0)
                time += interval
                let kind = try #require(event[1] as? String)
                kinds.append(kind)
                let data = try #require(event[2] as? String)
                if kind == "o" {
                    let event = try JSONSerialization.data(withJSONObject: [time, kind, data])
                    older.append(String(decoding: event, as: UTF8.self))
                }
                if kind == "r" { #expect(data == "132x43") }
                if kind == "x" { #expect(data == "3") }
            }
            #expect(kinds.suffix(2) == ["r", "x"] && Set(kinds) == ["o", "r", "x"])
            try Data((older.joined(separator: "\n") + "\n").utf8).write(to: cast)
            let text = try await shown(["cat"], cast)
            #expect(text == expected)
        }
    }

    @Test(
        "it takes the cast of every sample",
        arguments: ["all-types", "boundary-values", "exec-io", "failed-login", "shell-session"]
    )
    func samples(_ name: String) async throws {
        let samples = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "SharedAuditTests/Samples")
        _ = try await shown(["cat"], samples.appending(path: name + ".cast"))
    }
}
