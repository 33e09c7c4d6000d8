import AuditClient
import Foundation
import Logging
import NIOCore
import NIOPosix
import SharedAudit
import SharedHTTP
import Testing

@testable import AuditdCore

/// Two real auditds that share the folder of the storage `file`; one is killed.
@Suite(.timeLimit(.minutes(10)), .serialized)  // two processes and a busy gateway are load enough
struct ReplicaDaemonTests {
    private let sessions = 4
    /// Of one session.
    private static let entries = 800
    /// Of each thing that is waited for, on a machine that has much else to do.
    private static let patience = Duration.seconds(180)

    @Test(
        "recordings go on at the other auditd when one is killed, and are shown as one",
        .enabled(if: Daemon.isBuilt, "berth-auditd is not built beside the tests")
    )
    func killed() async throws {
        try await withFolder { root in
            let files = root + "/files"
            try Folder.create(files)
            let names = ["a", "b"]
            var daemons: [String: Daemon] = [:]
            for name in names { daemons[name] = try start(name, root, files) }
            // Or the gateway might begin with the second one.
            for name in names { try await ready(socket(name, root)) }
            let counts = try await load(root, names) {
                daemons["a"]?.kill()
            }
            // What they have is finished for the gateway, and stored side by side; the second one
            // may have something, too, where it was too slow for a while.
            daemons["b"]?.kill()
            for name in names { daemons[name] = try start(name, root, files, lease: "1s") }
            try await check(root, files, counts)
            for name in names { daemons[name]?.kill() }
        }
    }

    private func start(_ name: String, _ root: String, _ files: String, lease: String = "300s")
        throws -> Daemon
    {
        let folder = "\(root)/\(name)"
        try Folder.create(folder)
        return try Daemon(
            folder: folder,
            socket: socket(name, root),
            more: "  files: \(files)\n  rescan: 500ms\n  lease: \(lease)\n  storages: [file]"
        )
    }

    private func ready(_ socket: String) async throws {
        let client = try HTTPClient(HTTPClientOptions(url: "unix://" + socket), logger: silent)
        defer { client.shutdown() }
        let call = HTTPCall(.get, "/readyz", timeLimit: .total(.seconds(20)))
        try await eventually("\(socket) is ready", within: Self.patience) {
            (try? await client.send(call))?.status == 200
        }
    }

    private func socket(_ name: String, _ root: String) -> String { "\(root)/\(name).sock" }

    /// A gateway whose sessions write in bulk; `accident` happens in the middle. Answers how many
    /// entries each has.
    private func load(
        _ root: String,
        _ names: [String],
        _ accident: () -> Void
    ) async throws -> [Int] {
        let clients = try names.map { name in
            let options = HTTPClientOptions(url: "unix://" + socket(name, root))
            return (name: name, client: try HTTPClient(options, logger: silent))
        }
        defer { for (_, client) in clients { client.shutdown() } }
        let shipper = RecordingShipper(
            options: ShipperOptions(
                gateway: "gateway-1",
                timeout: .seconds(100),
                heartbeat: .milliseconds(500),
                patience: .seconds(2)
            ),
            clients: clients,
            logger: silent
        )
        let written = Locked([Int](repeating: 0, count: sessions))
        let isStruck = Locked(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shipper.run() }
            try await withThrowingTaskGroup(of: Void.self) { running in
                for number in 0..<sessions {
                    running.addTask {
                        let handle = try await shipper.openRecording(
                            id: "\(recordingID(number))",
                            facts: sampleFacts,
                            onFailure: { Issue.record("\($0)") }
                        )
                        handle.identify(username: "user-\(number)")
                        let login = AuditEvent.handshakeSuccessful(username: "user-\(number)")
                        try await handle.append(login, channel: nil)
                        var entry = 0
                        while entry < Self.entries {
                            // Half of it is written when the accident has happened.
                            while entry == Self.entries / 2, !isStruck.withLock({ $0 }) {
                                try await turn()
                            }
                            let data = ByteBuffer(bytes: noise(3000, seed: UInt64(entry)))
                            try await handle.append(.io(.stdout, data), channel: 0)
                            entry += 1
                            written.withLock { $0[number] = entry }
                        }
                        try await handle.finish()
                    }
                }
                try await eventually("all of them run", within: Self.patience) {
                    written.withLock { $0.allSatisfy { $0 > 50 } }
                }
                accident()
                isStruck.withLock { $0 = true }
                try await running.waitForAll()
            }
            group.cancelAll()
        }
        return written.withLock { $0 }
    }

    private func check(_ root: String, _ files: String, _ counts: [Int]) async throws {
        try await eventually("all parts are stored", within: Self.patience) {
            try Folder.names(in: files).compactMap { RecordingID($0) }.count >= sessions * 2
        }
        for name in ["a", "b"] {
            let client = try HTTPClient(
                HTTPClientOptions(url: "unix://" + socket(name, root)),
                logger: silent
            )
            defer { client.shutdown() }
            for number in 0..<sessions {
                try await check(number, count: counts[number], client)
            }
            let page = try await client.send(HTTPCall(.get, RecordingRoutes.list))
                .decode(RecordingPage.self)
            #expect(page.recordings.count == sessions, "parts are no recordings of their own")
        }
    }

    private func check(_ number: Int, count: Int, _ client: HTTPClient) async throws {
        let id = recordingID(number)
        var summary: RecordingSummary?
        try await eventually(
            "the whole is listed; now \(String(describing: summary))",
            within: Self.patience
        ) {
            let call = HTTPCall(.get, RecordingRoutes.summary(id), timeLimit: .total(.seconds(20)))
            guard let reply = try? await client.send(call), reply.status == 200 else {
                return false
            }
            summary = try reply.decode(RecordingSummary.self)
            return summary?.state == .finished
        }
        #expect(summary?.facts.remoteAddress == sampleFacts.remoteAddress)
        var events: [AuditEvent] = []
        try await eventually("the whole is shown", within: Self.patience) {
            let call = HTTPCall(
                .get,
                RecordingRoutes.raw(id),
                timeLimit: .total(.seconds(60)),
                replyLimit: 512 << 20
            )
            guard let reply = try? await client.send(call), reply.status == 200 else {
                return false
            }
            var decoder = RecordingDecoder()
            let items = decoder.feed(ByteBuffer(bytes: reply.body)) + decoder.end()
            events = items.compactMap {
                if case .message(let message) = $0 { message.event } else { nil }
            }
            return events.last == .disconnect
        }
        let expected =
            [AuditEvent.handshakeSuccessful(username: "user-\(number)")]
            + (0..<count).map {
                AuditEvent.io(.stdout, ByteBuffer(bytes: noise(3000, seed: UInt64($0))))
            }
        let isWhole = events == expected + [.disconnect]
        #expect(isWhole, "recording \(number): \(events.count) of \(count + 2) entries")
        // Whoever was not told reads it in the recording.
        try await eventually("the user is known", within: Self.patience) {
            let call = HTTPCall(.get, RecordingRoutes.summary(id), timeLimit: .total(.seconds(20)))
            guard let reply = try? await client.send(call), reply.status == 200 else {
                return false
            }
            return try reply.decode(RecordingSummary.self).facts.username == "user-\(number)"
        }
    }
}
