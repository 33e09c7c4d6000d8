import InMemoryLogging
import Logging
import SharedAudit
import SharedMessages
import Testing

@testable import AuditClient

@Suite(.timeLimit(.minutes(2))) struct ShipperCodeTests {
    private let auditd = FakeAuditd()
    private let handler = InMemoryLogHandler()

    private func shipper(_ delivery: RecordingDelivery) -> RecordingShipper {
        let handler = handler
        return RecordingShipper(
            options: ShipperOptions(gateway: "g", delivery: delivery),
            logger: Logger(label: "test") { _ in handler },
            transport: auditd.transport
        )
    }

    private func said(_ code: MessageCode) -> Bool {
        handler.entries.contains { $0.metadata["code"] == .string(code.id) }
    }

    @Test("what is left when the gateway ends is said, and nothing new is taken")
    func shutdown() async throws {
        let shipper = shipper(.strict)
        let running = Task { try await shipper.run() }
        _ = try await shipper.openRecording(id: testID(1), facts: testFacts) { _ in }
        running.cancel()
        _ = await running.result
        #expect(said(.auditDeliveryShutdown))
        let error = await #expect(throws: CodedError.self) {
            _ = try await shipper.openRecording(id: testID(2), facts: testFacts) { _ in }
        }
        #expect(error?.code == .auditDeliveryShutdown)
    }

    @Test("besteffort: a recording that is refused is said, and the session goes on")
    func abandoned() async throws {
        auditd.set { state in
            state.override = { batch in
                let results = batch.frames.map { _ in FrameResult(status: 422, durable: 0) }
                return (200, BatchJSON.encode(BatchReply(instance: "a", results: results)))
            }
        }
        let shipper = shipper(.besteffort)
        let running = Task { try await shipper.run() }
        let handle = try await shipper.openRecording(id: testID(1), facts: testFacts) { _ in }
        try await eventually("it is said") { said(.auditRecordingAbandoned) }
        try await handle.append(.exec(requestID: 1, program: "x"), channel: 1)
        running.cancel()
        _ = await running.result
    }
}
