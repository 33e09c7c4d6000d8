import AuditClient
import NIOCore
import SharedAudit
import Testing

@testable import AuditdCore

/// What is said of a recording that came to several auditds.
@Suite struct JoinedPartsTests {
    private let id = recordingID(1)

    private func entry(
        _ part: RecordingID,
        _ state: RecordingSummary.State,
        size: UInt64,
        endedAt: Int64? = nil
    ) -> RecordingSummary {
        RecordingSummary(
            id: "\(part)",
            facts: sampleFacts,
            state: state,
            endedAt: endedAt,
            size: size
        )
    }

    @Test("the last part says whether the recording runs, and any part that it has ended")
    func states() {
        let first = entry(id, .interrupted, size: 100, endedAt: 1)
        let open = entry(id.part(1, from: 100), .open, size: 50)
        #expect(RecordingSummary.joined([open, first])?.state == .open)
        let ended = entry(id.part(1, from: 100), .finished, size: 50, endedAt: 2)
        #expect(RecordingSummary.joined([ended, first])?.state == .finished)
        // The answer to the end was lost, and the next auditd was told of it once more. Whoever
        // finds that part in a storage sees nothing in it.
        let empty = entry(id.part(2, from: 150), .interrupted, size: 0, endedAt: 3)
        let whole = RecordingSummary.joined([empty, ended, first])
        #expect(whole?.state == .finished && whole?.endedAt == 2 && whole?.size == 150)
    }

    @Test("a part that has the last bytes of a recording is its end, whatever it holds")
    func ends() throws {
        let deflater = try #require(Deflater())
        for seed in 0..<200 {
            var encoder = BinaryEncoder()
            encoder.append(message(.io(.stdout, ByteBuffer(bytes: noise(300, seed: UInt64(seed))))))
            let open = Array(encoder.flush(using: deflater).readableBytesView)
            encoder.append(message(.io(.stdout, ByteBuffer(string: "text \(seed)"))))
            encoder.append(message(.disconnect))
            let bytes = Array(encoder.finish(using: deflater).readableBytesView)
            #expect(isComplete(bytes[...]))
            for count in 1...10 { #expect(isComplete(bytes.suffix(count))) }
            #expect(!isComplete(open[...]))
            #expect(!isComplete(bytes.dropLast()))
        }
        #expect(!isComplete([]))
        #expect(!isComplete([1, 2, 3]))
    }

    private func message(_ event: AuditEvent) -> AuditMessage {
        AuditMessage(connectionID: "\(id)", timestamp: 1, channelID: nil, event: event)
    }

    private func isComplete(_ part: ArraySlice<UInt8>) -> Bool {
        let bytes = ByteBuffer(bytes: part)
        let end = ByteBuffer(bytes: part.suffix(10))
        return RecordingInspection(beginning: bytes, end: end, modifiedAt: 1).isComplete
    }
}
