import AuditClient
import ChildProcess
import Foundation
import Glibc
import NIOCore
import SharedAudit
import SharedHTTP
import Testing

@testable import AuditdCore

@Suite("The page in a browser", .timeLimit(.minutes(8)))
struct BrowserTests {
    private static let chromium = "/usr/bin/chromium"
    private static let isPossible = [chromium, python, websockets].allSatisfy {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    private static let python: String = {
        let given = ProcessInfo.processInfo.environment["BERTH_TEST_PYTHON"]
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return given ?? root.appending(path: "var/python/bin/python3").path
    }()
    /// What the package puts beside the interpreter.
    private static let websockets = URL(filePath: python).deletingLastPathComponent()
        .appending(path: "websockets").path
    private static let token = "a-token-of-sixteen-or-more"

    /// A recording that grows by what happens.
    private struct Session {
        let id: RecordingID
        private let startedAt: Int64
        private var encoder = BinaryEncoder()
        private let deflater: Deflater
        private(set) var bytes = ByteBuffer()

        init(_ id: RecordingID, _ deflater: Deflater, startedAt: Int64) {
            self.id = id
            self.deflater = deflater
            self.startedAt = startedAt
            add(0, nil, .connect(remoteAddress: "192.0.2.7", country: "CH"))
            add(0.1, nil, .handshakeSuccessful(username: "dev"))
            add(0.2, 0, .newChannelAccepted(type: "session"))
            let size = AuditEvent.Size(columns: 80, rows: 24)
            add(0.3, 0, .terminal(requestID: 0, term: "xterm", size: size, modes: nil))
            add(0.4, 0, .shell(requestID: 1))
        }

        mutating func add(_ seconds: Double, _ channel: UInt64?, _ event: AuditEvent) {
            encoder.append(
                AuditMessage(
                    connectionID: "\(id)",
                    timestamp: startedAt + Int64(seconds * 1e9),
                    channelID: channel,
                    event: event
                )
            )
            bytes.writeImmutableBuffer(
                event == .disconnect
                    ? encoder.finish(using: deflater) : encoder.flush(using: deflater)
            )
        }

        mutating func show(_ seconds: Double, _ text: String) {
            add(seconds, 0, .io(.stdout, ByteBuffer(string: text)))
        }

        mutating func type(_ seconds: Double, _ text: String) {
            add(seconds, 0, .io(.stdin, ByteBuffer(string: text)))
        }

        /// Three commands in three minutes.
        mutating func run() {
            let commands = [
                ("first-command", "\u{1B}[31mfirst-output\u{1B}[0m"),
                ("second-command", "second-output"),
                ("third-command", "third-output <img src=x>"),
            ]
            for (number, (command, output)) in commands.enumerated() {
                let at = Double(1 + 60 * number)
                show(at, "\u{1B}[1;32mdev@box\u{1B}[0m:~$ ")
                type(at + 1, String(command.prefix(1)))
                show(at + 1.1, command)
                type(at + 2, "\r")
                show(at + 2.1, "\r\n")
                show(at + 3, output + "\r\n")
            }
            add(180, 0, .close)
            add(180, nil, .disconnect)
        }
    }

    @Test(
        "search, list, player, jumps, links, live sessions and keys work, in dark and light",
        .enabled(if: isPossible, "needs chromium and the Python packages of deploy/dev/deps.sh")
    )
    func page() async throws {
        try await withFolder { folder in
            let deflater = try #require(Deflater())
            let start = sampleFacts.startedAt
            var ended = Session(recordingID(1), deflater, startedAt: start)
            ended.run()
            var running = Session(recordingID(2), deflater, startedAt: start + 1_000_000_000)
            running.show(1, "$ live-first\r\n")
            let (first, more) = (running.bytes, folder + "/more")
            var hostile = sampleFacts
            hostile.username = "<img src=x onerror=alert(1)>"
            hostile.container = "</td><script>alert(1)</script>"
            hostile.startedAt += 1_000_000_000
            try await withAuditd(in: folder, token: Self.token, web: true) { auditd in
                _ = try await auditd.send([
                    .open(ended.id), .init(ended.id, .append(offset: 0, ended.bytes)),
                    .finish(ended.id, UInt64(ended.bytes.readableBytes)),
                    .open(running.id, hostile),
                    .init(running.id, .append(offset: 0, first)),
                ])
                let search = HTTPCall(
                    .get,
                    RecordingRoutes.list + "?text=second-output",
                    headers: ["Authorization": "Bearer \(Self.token)"],
                    timeLimit: .total(.seconds(60))
                )
                try await eventually("it can be found", within: .seconds(150)) {
                    let reply = try await auditd.client.send(search)
                    return try !reply.decode(RecordingPage.self).recordings.isEmpty
                }
                let script = URL(filePath: #filePath).deletingLastPathComponent()
                    .appending(path: "Scripts/page.py").path
                let browser = try ChildProcess(
                    Self.python,
                    [
                        script, Self.chromium, auditd.url, Self.token, folder, "\(ended.id)",
                        "\(running.id)", more,
                    ]
                )
                async let end = browser.end()
                try await eventually("the running session is watched", within: .seconds(300)) {
                    Folder.exists(more) || kill(browser.id, 0) != 0
                }
                running.show(60, "$ live-more\r\n")
                let rest = ByteBuffer(
                    bytes: running.bytes.readableBytesView.dropFirst(first.readableBytes)
                )
                _ = try await auditd.send([
                    .init(running.id, .append(offset: UInt64(first.readableBytes), rest))
                ])
                let outcome = await end
                #expect(outcome.output == "ok\n", "\(outcome.errors)")
            }
        }
    }
}
