import AuditClient
import SharedTracing
import Synchronization

/// The spans of recordings whose connection is traced: `recording.receive` while it is being made
/// and `recording.store` from its end until every storage has it. Their parent is the gateway's span,
/// which the recording's facts name; a restart begins them anew.
final class RecordingTraces: Sendable {
    private enum Stage {
        case receiving(Span)
        case storing(Span)
    }

    private let tracer: Tracer
    private let stages = Mutex<[RecordingID: Stage]>([:])

    init(_ tracer: Tracer) { self.tracer = tracer }

    /// A recording began, grew or ended; harmless when repeated.
    func changed(_ id: RecordingID, _ recording: SpoolEngine.Recording) {
        let hasEnded = recording.spooled.state != .open
        stages.withLock { stages in
            switch stages[id] {
            case .storing: return
            case .receiving(let span):
                guard hasEnded else { return }
                span.set(.recordingSize, .integer(Int(clamping: recording.length)))
                if recording.spooled.state == .interrupted { span.fail("interrupted") }
                span.end()
            case nil:
                // What has ended before it was seen has a store alone.
                break
            }
            guard let trace = recording.spooled.facts.trace,
                let parent = TraceContext(traceparent: trace), parent.isSampled
            else { return }
            let name = hasEnded ? "recording.store" : "recording.receive"
            let span = tracer.resume(parent, name, hasEnded ? .internal : .consumer)
            span.set(.recording, "\(id)")
            stages[id] = hasEnded ? .storing(span) : .receiving(span)
        }
    }

    /// Every storage has them.
    func stored(_ ids: [RecordingID]) {
        for id in ids {
            guard case .storing(let span) = stages.withLock({ $0.removeValue(forKey: id) }) else {
                continue
            }
            span.end()
        }
    }
}
