import AuditClient
import Foundation
import NIOCore
import NIOPosix
import SharedAudit
import SharedHTTP
import SharedMessages
import Testing

@testable import AuditdCore

/// The way to a real auditd, on which answers get lost behind it.
private final class LossyWay: Sendable {
    struct Cut: Error {}

    private struct State: Sendable {
        var calls = 0
        var lost: Set<Int> = []
        var isCut = false
        var doubles = false
    }

    private let state = Locked(State())
    private let auditd: RunningAuditd
    /// Waits between what auditd did and the answer that gets lost.
    private let beforeLoss: @Sendable (RecordingBatch) async throws -> Void

    init(
        _ auditd: RunningAuditd,
        lost: Set<Int> = [],
        doubles: Bool = false,
        beforeLoss: @escaping @Sendable (RecordingBatch) async throws -> Void = { _ in }
    ) {
        self.auditd = auditd
        self.beforeLoss = beforeLoss
        state.withLock {
            $0.lost = lost
            $0.doubles = doubles
        }
    }

    /// Batches with frames that auditd carried out.
    var calls: Int { state.withLock(\.calls) }

    /// Nothing comes through any more.
    func cut(_ isCut: Bool) { state.withLock { $0.isCut = isCut } }

    var transport: RecordingShipper.Transport {
        { _, pieces in
            let body = pieces.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
            let (isCut, doubles) = self.state.withLock { ($0.isCut, $0.doubles) }
            guard !isCut else { throw Cut() }
            var reply = try await self.auditd.post(body)
            if doubles { reply = try await self.auditd.post(body) }
            let batch = try RecordingBatch(decoding: body)
            let isLost = self.state.withLock { state in
                guard !batch.frames.isEmpty else { return false }
                state.calls += 1
                return state.lost.contains(state.calls)
            }
            guard !isLost else {
                try await self.beforeLoss(batch)
                throw Cut()
            }
            return (reply.status, ByteBuffer(bytes: reply.body))
        }
    }
}

/// What a gateway makes of answers that it does not get: nothing is lost, nothing there twice, and
/// nobody's session ends.
@Suite(.timeLimit(.minutes(10))) struct LostReplyTests {
    private let id = recordingID(1)

    private func run(
        _ ways: [LossyWay],
        patience: Duration = .seconds(100),
        _ body: (RecordingShipper) async throws -> Void
    ) async throws {
        let shipper = RecordingShipper(
            options: ShipperOptions(
                gateway: "g1",
                timeout: .seconds(300),
                heartbeat: .milliseconds(200),
                patience: patience
            ),
            logger: silent,
            transports: ways.enumerated().map { ("\($0)", $1.transport) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shipper.run() }
            try await body(shipper)
            group.cancelAll()
        }
    }

    private func open(_ shipper: RecordingShipper) async throws -> any RecordingHandle {
        try await shipper.openRecording(id: "\(id)", facts: sampleFacts) { error in
            Issue.record("the session would end: \(error)")
        }
    }

    private func entry(_ number: Int) -> AuditEvent {
        .exec(requestID: UInt64(number), program: "program \(number)")
    }

    /// The events of a recording, over all parts.
    private func events(_ auditd: RunningAuditd) async throws -> [AuditEvent] {
        let reply = try await auditd.get(RecordingRoutes.raw(id))
        guard reply.status == 200 else { return [] }
        var decoder = RecordingDecoder()
        let items = decoder.feed(ByteBuffer(bytes: reply.body)) + decoder.end()
        return items.compactMap {
            if case .message(let message) = $0 { message.event } else { nil }
        }
    }

    private func parts(_ folder: String) throws -> [RecordingID] {
        try Folder.names(in: folder).compactMap { RecordingID($0) }.filter { $0.whole == id }
    }

    private func isForgotten(_ folder: String) throws -> Bool {
        try Folder.names(in: folder + "/spool.d").allSatisfy { !$0.hasSuffix(".part") }
    }

    /// One session: it begins, gets a name, writes, and ends.
    private func session(_ shipper: RecordingShipper) async throws {
        let handle = try await open(shipper)
        for number in 0..<3 { try await handle.append(entry(number), channel: 0) }
        handle.identify(username: "foo")
        for number in 3..<6 { try await handle.append(entry(number), channel: 0) }
        try await handle.finish()
    }

    private var expected: [AuditEvent] { (0..<6).map(entry) + [.disconnect] }

    @Test(
        "whichever answer is lost, the recording is whole, in one piece, and its end is an end",
        arguments: [[1], [2], [3], [4], [5], [1, 2], [2, 3], [1, 2, 3, 4, 5, 6]] as [Set<Int>]
    )
    func anyAnswer(_ lost: Set<Int>) async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                // What has ended is stored and forgotten before it is asked for again.
                let way = LossyWay(auditd, lost: lost) { batch in
                    guard batch.frames.contains(where: \.action.isFinish) else { return }
                    try await eventually("the spool lets go of it") { try isForgotten(folder) }
                }
                try await run([way]) { shipper in try await session(shipper) }
                try await eventually("it is stored") { try isForgotten(folder) }
                #expect(try await events(auditd) == expected)
                #expect(try parts(folder) == [id])
            }
        }
    }

    @Test("an auditd that is started anew still gives the answer that was lost")
    func restarted() async throws {
        try await withFolder { folder in
            let bytes = "abcdef"
            let frames: [RecordingBatch.Frame] = [
                .append(id, at: 0, bytes), .append(id, at: 3, "def"), .finish(id, 6),
            ]
            for turn in 0..<2 {
                try await withAuditd(in: folder) { auditd in
                    if turn == 0 { _ = try await auditd.send([.open(id)] + frames) }
                    try await eventually("the spool lets go of it") { try isForgotten(folder) }
                    let results = try await auditd.send(frames).results
                    #expect(results.map(\.status) == [200, 200, 200])
                    #expect(results.map(\.durable) == [6, 6, 6])
                    let others = try await auditd.send(
                        [.open(id), .append(id, at: 5, "xy"), .finish(id, 5)]
                    ).results
                    #expect(others.map(\.status) == [410, 410, 410])
                    #expect(others.map(\.durable) == [6, 6, 6])
                }
            }
        }
    }

    @Test("requests that arrive twice change nothing")
    func doubled() async throws {
        try await withFolder { folder in
            try await withAuditd(in: folder) { auditd in
                let way = LossyWay(auditd, doubles: true)
                try await run([way]) { shipper in try await session(shipper) }
                try await eventually("it is stored") { try isForgotten(folder) }
                #expect(try await events(auditd) == expected)
                #expect(try parts(folder) == [id])
            }
        }
    }

    @Test("a session whose gateway was cut off for longer than the lease goes on, and is one")
    func takenForGone() async throws {
        try await withFolder { folder in
            let limits = RecordingService.Limits(lease: .milliseconds(500))
            try await withAuditd(in: folder, limits: limits) { auditd in
                let way = LossyWay(auditd)
                try await run([way]) { shipper in
                    let handle = try await open(shipper)
                    try await handle.append(entry(0), channel: 0)
                    try await eventually("it arrives") {
                        try await events(auditd).contains(entry(0))
                    }
                    way.cut(true)
                    try await handle.append(entry(1), channel: 0)
                    try await eventually("auditd takes the gateway for gone") {
                        try parts(folder).contains(id)
                    }
                    way.cut(false)
                    try await handle.append(entry(2), channel: 0)
                    try await handle.finish()
                }
                try await eventually("all of it is stored") {
                    try await events(auditd) == (0..<3).map(entry) + [.disconnect]
                }
                #expect(try parts(folder).count > 1)
            }
        }
    }

    @Test(
        "where the answer is lost and auditd with it, the other auditd's part completes it",
        arguments: 1...4
    )
    func movedInBetween(_ call: Int) async throws {
        try await withFolder { root in
            let files = root + "/files"
            try Folder.create(files)
            func storage() -> FileStorage {
                FileStorage(folder: files, threads: .singleton, logger: silent)
            }
            try await withAuditd(in: root + "/a", storages: [storage()]) { first in
                try await withAuditd(in: root + "/b", storages: [storage()]) { second in
                    let isGone = Locked(false)
                    let good = LossyWay(second)
                    let bad = LossyWay(first, lost: [call]) { _ in isGone.withLock { $0 = true } }
                    let ways = [
                        ("a", Self.ending(bad, isGone)), ("b", good.transport),
                    ]
                    let shipper = RecordingShipper(
                        options: ShipperOptions(
                            gateway: "g1",
                            timeout: .seconds(300),
                            heartbeat: .milliseconds(200),
                            patience: .milliseconds(50)
                        ),
                        logger: silent,
                        transports: ways
                    )
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await shipper.run() }
                        try await session(shipper)
                        group.cancelAll()
                    }
                    // The first one has what it committed, ended or not.
                    let folders = [root + "/a/spool.d", root + "/b/spool.d", files]
                    try await eventually("all of it is there, and once") {
                        // A file may be moved while it is looked for.
                        (try? allEvents(folders)) == expected
                    }
                }
            }
        }
    }

    private static func ending(
        _ way: LossyWay,
        _ isGone: Locked<Bool>
    ) -> RecordingShipper.Transport {
        let transport = way.transport
        return { path, body in
            guard !isGone.withLock({ $0 }) else { throw LossyWay.Cut() }
            return try await transport(path, body)
        }
    }

    /// The events of all parts in these folders, joined.
    private func allEvents(_ folders: [String]) throws -> [AuditEvent] {
        var files: [RecordingID: [UInt8]] = [:]
        for folder in folders {
            for name in try Folder.names(in: folder) {
                let text = name.hasSuffix(".part") ? String(name.dropLast(5)) : name
                guard let part = RecordingID(text), part.whole == id else { continue }
                files[part] = Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
            }
        }
        var join = PartJoin()
        var decoder = RecordingDecoder()
        var items: [RecordingDecoder.Item] = []
        for part in PartJoin.ordered(Array(files.keys)) where join.begin(part) {
            items += decoder.feed(join.take(ByteBuffer(bytes: files[part] ?? [])))
        }
        items += decoder.end()
        return items.compactMap {
            if case .message(let message) = $0 { message.event } else { nil }
        }
    }
}

extension RecordingBatch.Action {
    fileprivate var isFinish: Bool { if case .finish = self { true } else { false } }
}
