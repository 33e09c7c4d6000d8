import AuditClient
import NIOCore
import SharedTracing
import Synchronization
import Testing

@testable import AuditdCore

struct RecordingTracesTests {
    private final class Kept: SpanSink {
        private let spans = Mutex<[FinishedSpan]>([])
        var all: [FinishedSpan] { spans.withLock { $0 } }
        func take(_ span: FinishedSpan) { spans.withLock { $0.append(span) } }
    }

    private let kept = Kept()
    private let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private var traces: RecordingTraces { RecordingTraces(Tracer(sample: 0, sink: kept)) }

    private func recording(
        _ state: RecordingSummary.State,
        length: UInt64 = 0,
        trace: String?
    ) -> SpoolEngine.Recording {
        var facts = sampleFacts
        facts.trace = trace
        return .init(length: length, spooled: .init(facts: facts, gateway: "g", state: state))
    }

    @Test("a recording has a span until it ends, and one until it is stored, below the gateway's")
    func wholeLife() throws {
        let traces = traces
        for length in [0, 10, 20] as [UInt64] {
            traces.changed(recordingID(1), recording(.open, length: length, trace: parent))
        }
        #expect(kept.all.isEmpty)
        for _ in 0..<2 {
            traces.changed(recordingID(1), recording(.finished, length: 30, trace: parent))
        }
        #expect(kept.all.map(\.name) == ["recording.receive"])
        #expect(kept.all[0].attributes.contains(SpanAttribute(.recordingSize, 30)))
        traces.stored([recordingID(1), recordingID(2)])
        traces.stored([recordingID(1)])
        #expect(kept.all.map(\.name) == ["recording.receive", "recording.store"])
        let context = try #require(TraceContext(traceparent: parent))
        #expect(kept.all.allSatisfy { $0.parent == context.spanID && $0.isParentRemote })
        #expect(kept.all.allSatisfy { $0.context.traceID == context.traceID })
        #expect(kept.all.allSatisfy { $0.failure == nil })
    }

    @Test("what a restart finds has ended already: only its store is a span")
    func restarted() {
        let traces = traces
        traces.changed(recordingID(1), recording(.finished, trace: parent))
        traces.stored([recordingID(1)])
        #expect(kept.all.map(\.name) == ["recording.store"])
    }

    @Test("a recording that its gateway left unfinished says so")
    func interrupted() {
        let traces = traces
        traces.changed(recordingID(1), recording(.open, trace: parent))
        traces.changed(recordingID(1), recording(.interrupted, trace: parent))
        #expect(kept.all.map(\.failure) == ["interrupted"])
    }

    @Test(
        "a recording without a recorded trace has no spans",
        arguments: [
            nil, "", "garbage", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        ] as [String?]
    )
    func untraced(trace: String?) {
        let traces = traces
        traces.changed(recordingID(1), recording(.open, trace: trace))
        traces.changed(recordingID(1), recording(.finished, trace: trace))
        traces.stored([recordingID(1)])
        #expect(kept.all.isEmpty)
    }

    @Test("facts without a trace are written as before, and those of before are read")
    func facts() throws {
        let text = String(buffer: BatchJSON.encode(sampleFacts))
        #expect(!text.contains("trace"))
        #expect(try BatchJSON.decode(RecordingFacts.self, from: .init(string: text)) == sampleFacts)
        var traced = sampleFacts
        traced.trace = parent
        #expect(
            try BatchJSON.decode(RecordingFacts.self, from: BatchJSON.encode(traced)) == traced
        )
    }
}
