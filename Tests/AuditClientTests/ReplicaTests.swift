import InMemoryLogging
import Logging
import NIOCore
import SharedAudit
import SharedMessages
import Synchronization
import Testing

@testable import AuditClient

/// A gateway with two auditds, of which one fails.
@Suite(.timeLimit(.minutes(2))) struct ReplicaTests {
    private let first = FakeAuditd()
    private let second = FakeAuditd()
    private let handler = InMemoryLogHandler()

    private func withShipper(
        timeout: Duration = .seconds(30),
        _ body: (RecordingShipper) async throws -> Void
    ) async throws {
        let handler = handler
        let logger = Logger(label: "test") { _ in handler }
        let shipper = RecordingShipper(
            options: ShipperOptions(gateway: "g", timeout: timeout, patience: .milliseconds(100)),
            logger: logger,
            transports: [("first", first.transport), ("second", second.transport)]
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shipper.run() }
            try await body(shipper)
            group.cancelAll()
        }
    }

    private func fail(_ auditd: FakeAuditd) {
        auditd.set { $0.override = { _ in throw FakeAuditd.Down() } }
    }

    private func heal(_ auditd: FakeAuditd) { auditd.set { $0.override = nil } }

    private func open(_ shipper: RecordingShipper, _ number: Int) async throws
        -> any RecordingHandle
    {
        try await shipper.openRecording(id: testID(number), facts: testFacts) { error in
            Issue.record("\(error)")
        }
    }

    private func parts(of id: String) throws -> [RecordingID: FakeAuditd.Recording] {
        let whole = try #require(RecordingID(id))
        var found: [RecordingID: FakeAuditd.Recording] = [:]
        for auditd in [first, second] {
            for (part, recording) in auditd.state.withLock({ $0.recordings })
            where part.whole == whole {
                #expect(found[part] == nil, "two auditds have parts of one name")
                found[part] = recording
            }
        }
        return found
    }

    /// The events of all parts, joined.
    private func events(of id: String) throws -> [AuditEvent] {
        let parts = try parts(of: id)
        let chain = PartChain(parts.map { ($0.key, UInt64($0.value.bytes.readableBytes)) })
        var decoder = RecordingDecoder()
        var items: [RecordingDecoder.Item] = []
        for piece in chain.pieces {
            let bytes = try #require(parts[piece.part]?.bytes)
            let start = Int(piece.start - piece.part.offset)
            let length = Int(piece.end - piece.start)
            let slice = try #require(bytes.getSlice(at: bytes.readerIndex + start, length: length))
            items += decoder.feed(slice)
        }
        items += decoder.end()
        return items.compactMap {
            if case .message(let message) = $0 { message.event } else { nil }
        }
    }

    private var said: [String] {
        handler.entries.compactMap { $0.metadata["code"].map { "\($0)" } }
    }

    @Test("recordings go on at the other auditd, behind what the first one acknowledged")
    func moves() async throws {
        try await withShipper { shipper in
            let handle = try await open(shipper, 1)
            for number in 0..<50 { try await handle.append(exec(number), channel: 1) }
            try await eventually("the first has it") {
                first.recording(handle.id)?.bytes.readableBytes ?? 0 > 100
            }
            fail(first)
            for number in 50..<100 { try await handle.append(exec(number), channel: 1) }
            try await handle.finish()
            #expect(try events(of: handle.id) == (0..<100).map(exec) + [.disconnect])
            #expect(try parts(of: handle.id).count == 2)
            #expect(first.recording(handle.id)?.isFinished == false)
            #expect(said.contains("AUDIT_DELIVERY_FAILED"))
            #expect(said.contains("AUDIT_DELIVERY_MOVED"))
            // What begins now goes to the one that works, in one piece.
            let next = try await open(shipper, 2)
            try await next.finish()
            #expect(second.recording(next.id)?.isFinished == true)
        }
    }

    @Test("to and fro, also when answers are lost, nothing is lost or there twice")
    func again() async throws {
        try await withShipper { shipper in
            let handle = try await open(shipper, 1)
            for round in 0..<6 {
                let (good, bad) = round % 2 == 0 ? (first, second) : (second, first)
                heal(good)
                for number in 0..<20 {
                    try await handle.append(exec(round * 20 + number), channel: 1)
                }
                try await eventually("something arrives in round \(round)") {
                    good.state.withLock { state in
                        state.recordings.contains {
                            $0.key.part == UInt32(round) && $0.value.bytes.readableBytes > 0
                        }
                    }
                }
                heal(bad)
                good.set { $0.losesAnswers = true }
                try await handle.append(exec(-round), channel: 1)
                fail(good)
            }
            try await handle.finish()
            let expected = (0..<6).flatMap { round in
                (0..<20).map { exec(round * 20 + $0) } + [exec(-round)]
            }
            #expect(try events(of: handle.id) == expected + [.disconnect])
        }
    }

    @Test("an auditd without room passes a new recording on; running ones stay")
    func noRoom() async throws {
        try await withShipper { shipper in
            let running = try await open(shipper, 1)
            first.set { state in
                state.override = { batch in
                    guard
                        batch.frames.contains(where: { frame in
                            if case .open = frame.action {
                                frame.id != RecordingID(testID(1))
                            } else {
                                false
                            }
                        })
                    else { return nil }
                    let results = batch.frames.map { _ in
                        FrameResult(status: 507, durable: 0, code: "AUDITD_DISK_FLOOR")
                    }
                    return (200, BatchJSON.encode(BatchReply(instance: "first", results: results)))
                }
            }
            let handle = try await open(shipper, 2)
            try await handle.finish()
            #expect(second.recording(handle.id)?.isFinished == true)
            try await running.append(exec(1), channel: 1)
            try await running.finish()
            #expect(first.recording(running.id)?.isFinished == true)
            #expect(second.recording(running.id) == nil)
        }
    }

    @Test("without room anywhere a new recording is refused")
    func noRoomAnywhere() async throws {
        for auditd in [first, second] {
            auditd.set { state in
                state.override = { batch in
                    let results = batch.frames.map { _ in
                        FrameResult(status: 507, durable: 0, code: "AUDITD_DISK_FLOOR")
                    }
                    return (200, BatchJSON.encode(BatchReply(instance: "a", results: results)))
                }
            }
        }
        try await withShipper { shipper in
            let error = await #expect(throws: CodedError.self) {
                _ = try await shipper.openRecording(id: testID(1), facts: testFacts) { _ in }
            }
            #expect(error?.code == .auditDeliveryRefused)
        }
    }
}

private func exec(_ number: Int) -> AuditEvent {
    .exec(requestID: UInt64(bitPattern: Int64(number)), program: "program \(number)")
}
