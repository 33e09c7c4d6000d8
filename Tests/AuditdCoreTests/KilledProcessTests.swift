import AuditClient
import Foundation
import NIOCore
import SharedAudit
import SharedHTTP
import Synchronization
import Testing

@testable import AuditdCore

#if canImport(Glibc)
    import Glibc
#endif

/// Kills the real daemon in the middle of appends, again and again.
@Suite(.timeLimit(.minutes(5)), .serialized)  // one suite of processes at a time is load enough
struct KilledProcessTests {
    @Test(
        "killing auditd at any moment loses no acknowledged byte and no session",
        .enabled(if: Daemon.isBuilt, "berth-auditd is not built beside the tests")
    )
    func killed() async throws {
        try await withFolder { folder in
            let socket = folder + "/auditd.sock"
            let options = ShipperOptions(gateway: "gateway-1", timeout: .seconds(60))
            let client = try HTTPClient(
                HTTPClientOptions(url: "unix://" + socket),
                logger: silent
            )
            defer { client.shutdown() }
            let shipper = RecordingShipper(options: options, client: client, logger: silent)
            var daemon = try Daemon(folder: folder, socket: socket)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await shipper.run() }
                let progress = Progress()
                try await withThrowingTaskGroup(of: Void.self) { sessions in
                    for number in 0..<6 {
                        sessions.addTask { try await session(number, shipper, progress) }
                    }
                    for round in 1...8 {
                        try await eventually("sessions go on after kill \(round)") {
                            progress.entries >= round * 200
                        }
                        daemon.kill()
                        daemon = try Daemon(folder: folder, socket: socket)
                    }
                    progress.stop()
                    try await sessions.waitForAll()
                }
                group.cancelAll()
                for number in 0..<6 {
                    try await check(number, client, count: progress.count(number))
                }
            }
            daemon.kill()
        }
    }

    /// Appends numbered entries until told to stop.
    private func session(
        _ number: Int,
        _ shipper: RecordingShipper,
        _ progress: Progress
    ) async throws {
        let handle = try await shipper.openRecording(
            id: "\(recordingID(number))",
            facts: sampleFacts,
            onFailure: { _ in }
        )
        var entry = 0
        while !progress.mustStop, entry < 50_000 {
            let data = ByteBuffer(string: "\(number)/\(entry) ")
            try await handle.append(.io(.stdout, data), channel: 0)
            entry += 1
            progress.note(number, entry)
            if entry % 20 == 0 { await Task.yield() }
        }
        try await handle.finish()
    }

    private func check(_ number: Int, _ client: HTTPClient, count: Int) async throws {
        let path = RecordingRoutes.raw(recordingID(number))
        let call = HTTPCall(.get, path, timeLimit: .total(.seconds(20)), replyLimit: 64 << 20)
        let reply = try await client.send(call)
        try #require(reply.status == 200)
        var decoder = RecordingDecoder()
        let items = decoder.feed(ByteBuffer(bytes: reply.body)) + decoder.end()
        let expected = (0..<count).map {
            AuditEvent.io(.stdout, ByteBuffer(string: "\(number)/\($0) "))
        }
        let events = items.compactMap { item -> AuditEvent? in
            if case .message(let message) = item { message.event } else { nil }
        }
        #expect(events.count == items.count)
        #expect(events == expected + [.disconnect])
    }
}

private final class Progress: Sendable {
    private let state = Mutex((counts: [Int: Int](), mustStop: false))

    var entries: Int { state.withLock { $0.counts.values.reduce(0, +) } }
    var mustStop: Bool { state.withLock { $0.mustStop } }

    func note(_ session: Int, _ count: Int) { state.withLock { $0.counts[session] = count } }
    func count(_ session: Int) -> Int { state.withLock { $0.counts[session] ?? 0 } }
    func stop() { state.withLock { $0.mustStop = true } }
}

/// A real `berth-auditd`, from the folder in which the tests were built.
final class Daemon {
    private let process = Process()
    /// Once true, the process identifier may be another one's.
    private let isOver = Locked(false)

    static func binary(_ name: String) -> URL? {
        let bundle = CommandLine.arguments.first { $0.contains(".xctest") }
        return bundle.map {
            URL(filePath: $0.components(separatedBy: "/berthPackageTests.xctest")[0])
                .appending(path: name)
        }
    }

    static var isBuilt: Bool { isBuilt("berth-auditd") }

    static func isBuilt(_ name: String) -> Bool {
        binary(name).map { FileManager.default.isExecutableFile(atPath: $0.path) } ?? false
    }

    /// `more` are further lines of the configuration.
    convenience init(folder: String, socket: String, minimumFree: Int = 0, more: String = "")
        throws
    {
        let text = """
            auditd:
              listen: "unix://\(socket)"
              directory: "\(folder)/recordings"
              minimumFree: \(minimumFree)
            \(more)
            """
        try self.init("berth-auditd", folder: folder, text)
    }

    init(_ name: String, folder: String, _ text: String) throws {
        let config = "\(folder)/\(name).yaml"
        try text.write(toFile: config, atomically: true, encoding: .utf8)
        process.executableURL = Self.binary(name)
        process.arguments = ["--config", config]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit { kill() }

    var isRunning: Bool { process.isRunning }

    /// Sends the signal in a while, without waiting for anything.
    func kill(after delay: Duration) {
        let identifier = process.processIdentifier
        let nanoseconds = Int(delay / .nanoseconds(1))
        DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) {
            [isOver] in
            isOver.withLock { isOver in if !isOver { _ = Glibc.kill(identifier, SIGKILL) } }
        }
    }

    func kill() {
        let isFirst = isOver.withLock { isOver in
            defer { isOver = true }
            return !isOver
        }
        guard isFirst, process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
