import NIOCore
import SharedAudit
import SharedMessages
import Synchronization
import Testing

@testable import AuditClient

@Suite(.timeLimit(.minutes(5))) struct RecordingShipperTests {
    private let auditd = FakeAuditd()

    @Test("what was appended is what auditd has, in order, and it is finished")
    func orderAndFinish() async throws {
        try await withShipper(auditd) { shipper in
            let handle = try await open(shipper)
            try await handle.append(
                .connect(remoteAddress: "192.0.2.7", country: "CH"),
                channel: nil
            )
            for number in 0..<500 { try await handle.append(exec(number), channel: 1) }
            try await handle.finish()
            #expect(auditd.recording(handle.id)?.isFinished == true)
            let events = decoded(handle.id)
            #expect(events.count == 502)
            #expect(events.dropFirst().dropLast() == (0..<500).map(exec)[...])
            #expect(events.last == .disconnect)
        }
    }

    @Test("entries of several callers keep the order of each")
    func concurrentCallers() async throws {
        try await withShipper(auditd, window: 4096) { shipper in
            let handle = try await open(shipper)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for channel in 0..<4 {
                    group.addTask {
                        for number in 0..<200 {
                            try await handle.append(exec(number), channel: UInt64(channel))
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await handle.finish()
            let messages = messages(handle.id)
            for channel in 0..<4 {
                let events = messages.filter { $0.channelID == UInt64(channel) }.map(\.event)
                #expect(events == (0..<200).map(exec))
            }
        }
    }

    @Test("strict: opening waits for auditd, and fails with a code when it does not answer")
    func openFails() async throws {
        auditd.set { $0.override = { _ in throw FakeAuditd.Down() } }
        try await withShipper(auditd, timeout: .milliseconds(200)) { shipper in
            let failures = Failures()
            let error = await #expect(throws: CodedError.self) {
                _ = try await shipper.openRecording(
                    id: testID(1),
                    facts: testFacts,
                    onFailure: failures.add
                )
            }
            #expect(error?.code == .auditDeliveryTimeout)
            #expect(error?.personText != nil)
            try await eventually("the owner is told") { failures.codes == [.auditDeliveryTimeout] }
        }
    }

    @Test("strict: an append beyond the window waits, and goes on after an acknowledgement")
    func windowPauses() async throws {
        try await withShipper(auditd, window: 2000) { shipper in
            let handle = try await open(shipper)
            auditd.hold()
            let finished = Count()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<6 {
                        try await handle.append(data(800), channel: 0)
                        finished.add()
                    }
                }
                try await eventually("two fit") { finished.value == 2 }
                for _ in 0..<1000 { await Task.yield() }
                #expect(finished.value == 2)
                auditd.release()
                try await group.waitForAll()
            }
            try await handle.finish()
            #expect(decoded(handle.id).count == 7)
        }
    }

    @Test("where all recordings together need too much memory, each gets a small window")
    func crowded() async throws {
        try await withShipper(auditd, window: 8 << 20, memory: 1 << 20) { shipper in
            let handles = [try await open(shipper, 1), try await open(shipper, 2)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for handle in handles {
                    group.addTask {
                        for _ in 0..<60 { try await handle.append(data(64 << 10), channel: 0) }
                        try await handle.finish()
                    }
                }
                try await group.waitForAll()
            }
            for number in 1...2 { #expect(decoded(testID(number)).count == 61) }
        }
    }

    @Test("what a recording holds is counted as long as it is in memory")
    func held() {
        var state = OutgoingState(window: 1 << 20, isStrict: true, facts: testFacts)
        func admit() -> Bool {
            let entry = OutgoingState.Entry(event: data(1), timestamp: 0, cost: 100 << 10)
            if case .added = state.admit(entry) { return true }
            return false
        }
        state.isCrowded = true
        #expect(admit() && admit() && !admit())
        state.isCrowded = false
        #expect(admit())
        #expect(state.held == 300 << 10)
        _ = state.takePending()
        state.encoded(ByteBuffer(repeating: 0, count: 70), cost: 300 << 10, isLast: false)
        #expect(state.held == 70)
        _ = state.acknowledge(70)
        #expect(state.held == 0)
        #expect(admit())
        _ = state.fail(CodedError(.auditDeliveryTimeout))
        #expect(state.held == 0)
    }

    @Test("whoever encodes is told of the first entry, and again once there is much")
    func news() {
        var state = OutgoingState(window: 1 << 20, isStrict: true, facts: testFacts)
        func admit() -> [Bool] {
            let entry = OutgoingState.Entry(event: data(1), timestamp: 0, cost: 100 << 10)
            guard case .added(let isNews, let isMuch) = state.admit(entry) else { return [] }
            return [isNews, isMuch]
        }
        #expect(admit() == [true, false])
        #expect(admit() == [false, false])
        #expect(admit() == [true, true] && state.hasMuch)
        #expect(admit() == [false, false])
        #expect(state.takePending().count == 4)
        #expect(!state.hasMuch && admit() == [true, false])
    }

    @Test("a recording that is made besteffort lets go who waits for it, and marks the gap")
    func becomesBestEffort() async throws {
        try await withShipper(auditd, window: 2000) { shipper in
            let handle = try await open(shipper)
            auditd.hold()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<6 { try await handle.append(data(800), channel: 0) }
                }
                try await handle.deliver(.besteffort)
                try await group.waitForAll()
            }
            auditd.release()
            try await eventually("all that fits is there") { decoded(handle.id).count >= 2 }
            try await handle.finish()
            let events = decoded(handle.id)
            #expect(events.filter { $0 == data(800) }.count < 6)
            #expect(events.contains { if case .gap = $0 { true } else { false } })
        }
    }

    @Test("a recording that is made strict is waited for")
    func becomesStrict() async throws {
        auditd.set { $0.override = { _ in throw FakeAuditd.Down() } }
        try await withShipper(auditd, delivery: .besteffort, timeout: .milliseconds(300)) {
            shipper in
            let failures = Failures()
            let handle = try await shipper.openRecording(
                id: testID(1),
                facts: testFacts,
                onFailure: failures.add
            )
            let error = await #expect(throws: CodedError.self) { try await handle.deliver(.strict) }
            #expect(error?.code == .auditDeliveryTimeout)
            try await eventually("the connection is told, too") {
                failures.codes == [.auditDeliveryTimeout]
            }
        }
    }

    @Test("one entry larger than the window passes alone")
    func largeEntry() async throws {
        try await withShipper(auditd, window: 1000) { shipper in
            let handle = try await open(shipper)
            for _ in 0..<3 { try await handle.append(data(50_000), channel: 0) }
            try await handle.finish()
            #expect(decoded(handle.id).count == 4)
        }
    }

    @Test("strict: without acknowledgement in time the recording fails, waiting appends too")
    func timeout() async throws {
        try await withShipper(auditd, window: 2000, timeout: .milliseconds(300)) { shipper in
            let failures = Failures()
            let handle = try await shipper.openRecording(
                id: testID(1),
                facts: testFacts,
                onFailure: failures.add
            )
            auditd.set { $0.override = { _ in throw FakeAuditd.Down() } }
            let error = await #expect(throws: CodedError.self) {
                for _ in 0..<10 { try await handle.append(data(800), channel: 0) }
            }
            #expect(error?.code == .auditDeliveryTimeout)
            try await eventually("the failure is told, once") {
                failures.codes == [.auditDeliveryTimeout]
            }
            await #expect(throws: CodedError.self) { try await handle.finish() }
        }
    }

    @Test("strict: an idle session whose last bytes stay unacknowledged is told")
    func idleTimeout() async throws {
        try await withShipper(auditd, timeout: .milliseconds(300)) { shipper in
            let failures = Failures()
            let handle = try await shipper.openRecording(
                id: testID(1),
                facts: testFacts,
                onFailure: failures.add
            )
            auditd.set { $0.override = { _ in (500, ByteBuffer()) } }
            try await handle.append(exec(1), channel: 0)
            try await eventually("the failure is told") {
                failures.codes == [.auditDeliveryTimeout]
            }
        }
    }

    @Test("a wait that is cancelled adds nothing and disturbs nobody")
    func cancelledWait() async throws {
        try await withShipper(auditd, window: 1000) { shipper in
            let handle = try await open(shipper)
            auditd.hold()
            try await handle.append(data(800), channel: 0)
            let waiting = Task { try await handle.append(exec(7), channel: 0) }
            for _ in 0..<100 { await Task.yield() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            auditd.release()
            try await handle.append(exec(8), channel: 0)
            try await handle.finish()
            #expect(decoded(handle.id) == [data(800), exec(8), .disconnect])
        }
    }

    @Test("an answer that is lost makes no byte twice")
    func lostAnswer() async throws {
        try await withShipper(auditd) { shipper in
            let handle = try await open(shipper)
            for number in 0..<50 {
                auditd.set { $0.losesAnswers = number % 5 == 0 }
                try await handle.append(exec(number), channel: 0)
                if number % 10 == 0 {
                    try await eventually("it arrives") {
                        decoded(handle.id).count == number + 1
                    }
                }
            }
            try await handle.finish()
            #expect(decoded(handle.id) == (0..<50).map(exec) + [.disconnect])
        }
    }

    @Test("a refused gap is closed from the offset that auditd names")
    func gapRefused() async throws {
        try await withShipper(auditd) { shipper in
            let handle = try await open(shipper)
            // The server drops one append, as if it had never come, and answers with a gap.
            let dropped = Count()
            auditd.set { state in
                state.override = { batch in
                    guard case .append = batch.frames.first?.action,
                        dropped.add() == 1
                    else { return nil }
                    let results = batch.frames.map { _ in FrameResult(status: 409, durable: 0) }
                    return (
                        200, BatchJSON.encode(BatchReply(instance: "first", results: results))
                    )
                }
            }
            try await handle.append(exec(1), channel: 0)
            try await handle.finish()
            #expect(decoded(handle.id) == [exec(1), .disconnect])
            #expect(dropped.value > 1)
        }
    }

    @Test("an auditd that lost acknowledged bytes ends a strict session")
    func lostAcknowledged() async throws {
        try await withShipper(auditd) { shipper in
            let failures = Failures()
            let handle = try await shipper.openRecording(
                id: testID(1),
                facts: testFacts,
                onFailure: failures.add
            )
            try await handle.append(exec(1), channel: 0)
            try await eventually("it is there") {
                (auditd.recording(handle.id)?.bytes.readableBytes ?? 0) > 0
            }
            auditd.set {
                $0.recordings = [:]
                $0.instance = "second"
            }
            try? await handle.append(exec(2), channel: 0)  // may already know
            try await eventually("it is told") { failures.codes == [.auditAcknowledgedLost] }
        }
    }

    @Test("after a restart of auditd the open recordings are named again")
    func reopening() async throws {
        try await withShipper(auditd, heartbeat: .milliseconds(20)) { shipper in
            let handle = try await open(shipper)
            try await handle.append(exec(1), channel: 0)
            try await eventually("it is there") { decoded(handle.id).count == 1 }
            auditd.set {
                $0.batches = []
                $0.instance = "second"
            }
            try await eventually("it is opened again by a heartbeat") {
                auditd.state.withLock { state in
                    state.batches.contains { $0.frames.contains { $0.action.isOpen } }
                }
            }
            try await handle.finish()
        }
    }

    @Test("a refusal of a new recording, as by a full disk, is told at once")
    func refused() async throws {
        auditd.set { state in
            state.override = { batch in
                let results = batch.frames.map { _ in
                    FrameResult(status: 507, durable: 0, code: "AUDITD_DISK_FLOOR")
                }
                return (200, BatchJSON.encode(BatchReply(instance: "first", results: results)))
            }
        }
        try await withShipper(auditd) { shipper in
            let error = await #expect(throws: CodedError.self) { _ = try await open(shipper) }
            #expect(error?.code == .auditDeliveryRefused)
            #expect(error?.detail.contains("AUDITD_DISK_FLOOR") == true)
        }
    }

    @Test("besteffort: nothing waits, and what was lost is marked where it is missing")
    func gap() async throws {
        try await withShipper(auditd, delivery: .besteffort, window: 3000) { shipper in
            let handle = try await open(shipper)
            try await handle.append(exec(0), channel: 0)
            try await eventually("it is there") { decoded(handle.id).count == 1 }
            auditd.hold()
            for _ in 0..<10 { try await handle.append(data(800), channel: 0) }
            auditd.release()
            try await eventually("there is room") {
                decoded(handle.id).count == 4
            }
            try await eventually("the gap is written") {
                try await handle.append(exec(1), channel: 0)
                return decoded(handle.id).contains(exec(1))
            }
            try await handle.finish()
            let events = decoded(handle.id)
            #expect(events[4] == .gap(lostMessages: 7, lostBytes: 5600))
            #expect(events[5] == exec(1))
        }
    }

    @Test("besteffort: a session neither waits nor fails while auditd is down")
    func downBesteffort() async throws {
        auditd.set { $0.override = { _ in throw FakeAuditd.Down() } }
        let timeout = Duration.milliseconds(200)
        try await withShipper(auditd, delivery: .besteffort, window: 3000, timeout: timeout) {
            shipper in
            let handle = try await open(shipper)
            for _ in 0..<100 { try await handle.append(data(800), channel: 0) }
            try await handle.finish()
        }
    }

    @Test("many recordings travel together")
    func together() async throws {
        try await withShipper(auditd) { shipper in
            var handles: [any RecordingHandle] = []
            for number in 0..<50 { handles.append(try await open(shipper, number)) }
            auditd.hold()
            auditd.set { $0.batches = [] }
            for handle in handles { try await handle.append(exec(1), channel: 0) }
            for _ in 0..<1000 { await Task.yield() }
            auditd.release()
            for handle in handles { try await handle.finish() }
            let sizes = auditd.state.withLock { $0.batches.map(\.frames.count) }
            #expect(sizes.max() ?? 0 > 10)
        }
    }

    @Test("the name of the user reaches auditd")
    func identify() async throws {
        try await withShipper(auditd) { shipper in
            let handle = try await open(shipper)
            handle.identify(username: "dev")
            try await handle.finish()
            #expect(auditd.recording(handle.id)?.facts.username == "dev")
        }
    }

    @Test("nothing is added after the end, and finishing twice is harmless")
    func afterTheEnd() async throws {
        try await withShipper(auditd) { shipper in
            let handle = try await open(shipper)
            try await handle.append(.disconnect, channel: nil)
            try await handle.append(exec(1), channel: 0)
            try await handle.finish()
            try await handle.finish()
            #expect(decoded(handle.id) == [.disconnect])
        }
    }

    private func open(
        _ shipper: RecordingShipper,
        _ number: Int = 1
    ) async throws -> any RecordingHandle {
        try await shipper.openRecording(id: testID(number), facts: testFacts, onFailure: { _ in })
    }

    private func messages(_ id: String) -> [AuditMessage] {
        var decoder = RecordingDecoder()
        let bytes = auditd.recording(id)?.bytes ?? ByteBuffer()
        return decoder.feed(bytes).compactMap {
            if case .message(let message) = $0 { message } else { nil }
        }
    }

    private func decoded(_ id: String) -> [AuditEvent] { messages(id).map(\.event) }
}

private func exec(_ number: Int) -> AuditEvent {
    .exec(requestID: UInt64(number), program: "program \(number)")
}

private func data(_ count: Int) -> AuditEvent {
    .io(.stdout, ByteBuffer(repeating: 65, count: count))
}

extension RecordingBatch.Action {
    fileprivate var isOpen: Bool { if case .open = self { true } else { false } }
}

private final class Failures: Sendable {
    private let errors = Mutex<[CodedError]>([])

    var codes: [MessageCode] { errors.withLock { $0.map(\.code) } }

    @Sendable func add(_ error: CodedError) { errors.withLock { $0.append(error) } }
}

private final class Count: Sendable {
    private let number = Mutex(0)

    var value: Int { number.withLock { $0 } }

    @discardableResult
    func add() -> Int {
        number.withLock { number in
            number += 1
            return number
        }
    }
}
