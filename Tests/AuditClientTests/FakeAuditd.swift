import Logging
import NIOCore
import SharedMessages
import Synchronization
import Testing

@testable import AuditClient

/// An auditd in memory that keeps the contract, and can be told to misbehave.
final class FakeAuditd: Sendable {
    struct Recording: Sendable {
        var facts: RecordingFacts
        var bytes = ByteBuffer()
        var isFinished = false
    }

    struct State: Sendable {
        var recordings: [RecordingID: Recording] = [:]
        var batches: [RecordingBatch] = []
        var instance = "first"
        /// Answers instead of the real thing.
        var override: (@Sendable (RecordingBatch) throws -> (status: Int, body: ByteBuffer)?)?
        /// Carries out the batch, and then loses the answer.
        var losesAnswers = false
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    let state = Mutex(State())

    struct Down: Error {}

    var transport: RecordingShipper.Transport {
        { path, body in
            try #require(path == RecordingRoutes.batch)
            await self.pass()
            let bytes = body.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
            return try self.answer(try RecordingBatch(decoding: bytes))
        }
    }

    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    /// From now on no batch is answered until `release()`.
    func hold() { set { $0.isHeld = true } }

    func release() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    func recording(_ id: String) -> Recording? {
        RecordingID(id).flatMap { id in state.withLock { $0.recordings[id] } }
    }

    private func pass() async {
        await withCheckedContinuation { continuation in
            let mustPass = state.withLock { state in
                if state.isHeld { state.held.append(continuation) }
                return !state.isHeld
            }
            if mustPass { continuation.resume() }
        }
    }

    private func answer(_ batch: RecordingBatch) throws -> (status: Int, body: ByteBuffer) {
        try state.withLock { state in
            state.batches.append(batch)
            if let answer = try state.override?(batch) { return answer }
            let results = batch.frames.map { Self.apply($0, &state) }
            if state.losesAnswers {
                state.losesAnswers = false
                throw Down()
            }
            return (
                200, BatchJSON.encode(BatchReply(instance: state.instance, results: results))
            )
        }
    }

    private static func apply(_ frame: RecordingBatch.Frame, _ state: inout State) -> FrameResult {
        switch frame.action {
        case .open(let bytes):
            guard let facts = try? BatchJSON.decode(RecordingFacts.self, from: bytes) else {
                return FrameResult(status: 422, durable: 0)
            }
            state.recordings[frame.id, default: Recording(facts: facts)].facts = facts
            return FrameResult(status: 200, durable: state.length(frame.id))
        case .append(let offset, var bytes):
            let length = state.length(frame.id)
            guard state.recordings[frame.id] != nil else {
                return FrameResult(status: 404, durable: 0)
            }
            guard offset <= length else { return FrameResult(status: 409, durable: length) }
            bytes.moveReaderIndex(forwardBy: min(bytes.readableBytes, Int(length - offset)))
            state.recordings[frame.id]?.bytes.writeImmutableBuffer(bytes)
            return FrameResult(status: 200, durable: state.length(frame.id))
        case .finish(let length):
            guard state.length(frame.id) == length else {
                return FrameResult(status: 409, durable: state.length(frame.id))
            }
            state.recordings[frame.id]?.isFinished = true
            return FrameResult(status: 200, durable: length)
        }
    }
}

extension FakeAuditd.State {
    func length(_ id: RecordingID) -> UInt64 {
        UInt64(recordings[id]?.bytes.readableBytes ?? 0)
    }
}

/// Runs a shipper towards a fake for as long as `body` takes.
func withShipper(
    _ auditd: FakeAuditd,
    delivery: RecordingDelivery = .strict,
    window: Int = 1 << 20,
    memory: Int = 256 << 20,
    timeout: Duration = .seconds(100),
    heartbeat: Duration = .seconds(60),
    _ body: (RecordingShipper) async throws -> Void
) async throws {
    let options = ShipperOptions(
        gateway: "gateway-1",
        delivery: delivery,
        window: window,
        memory: memory,
        timeout: timeout,
        heartbeat: heartbeat
    )
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let shipper = RecordingShipper(options: options, logger: logger, transport: auditd.transport)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await shipper.run() }
        try await body(shipper)
        auditd.release()
        group.cancelAll()
    }
}

/// Waits until `condition` holds; fails the test after 90 s.
func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(90)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, what)
        await Task.yield()
    }
}

let testFacts = RecordingFacts(remoteAddress: "192.0.2.7", country: "CH", startedAt: 5)

func testID(_ number: Int) -> String {
    RecordingID(high: 0, low: UInt64(number)).description
}
