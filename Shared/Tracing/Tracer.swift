/// Begins traces, and goes on with those that others began.
package final class Tracer: Sendable {
    /// Whether spans may say who somebody is.
    package let showsUsers: Bool
    private let sink: any SpanSink
    /// A trace is recorded if the last 56 bits of its name are below this.
    private let threshold: UInt64

    /// `sample` is the share of the traces begun here that are recorded, 0...1.
    package init(sample: Double, showsUsers: Bool = true, sink: any SpanSink) {
        self.sink = sink
        self.showsUsers = showsUsers
        threshold = UInt64(min(max(sample, 0), 1) * Double(UInt64(1) << 56))
    }

    /// The first span of a new trace.
    package func begin(
        _ name: String,
        _ kind: Span.Kind = .internal,
        at start: ContinuousClock.Instant = .now,
        _ attributes: [SpanAttribute] = []
    ) -> Span {
        let traceID = TraceID()
        let context = TraceContext(
            traceID: traceID,
            spanID: SpanID(),
            isSampled: traceID.low & (UInt64(1) << 56 - 1) < threshold
        )
        return Span(name, kind, context, parent: nil, tracer: self, at: start, attributes)
    }

    /// A span of a trace that came from another process, or was remembered; recorded if the trace is.
    package func resume(
        _ parent: TraceContext,
        _ name: String,
        _ kind: Span.Kind,
        at start: ContinuousClock.Instant = .now,
        _ attributes: [SpanAttribute] = []
    ) -> Span {
        let context = TraceContext(
            traceID: parent.traceID,
            // What is not recorded is no place to come back to: the parent stays the caller's.
            spanID: parent.isSampled ? SpanID() : parent.spanID,
            isSampled: parent.isSampled,
            state: parent.state
        )
        return Span(
            name,
            kind,
            context,
            parent: parent.spanID,
            isParentRemote: true,
            tracer: self,
            at: start,
            attributes
        )
    }

    func finished(_ span: FinishedSpan) { sink.take(span) }
}
