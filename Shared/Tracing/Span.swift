import Synchronization

/// A piece of work within a trace, from its making until `end`. May be used from any task.
///
/// The span of the running task is `Span.current`; HTTP calls made meanwhile become its children and
/// carry `traceparent`. Without tracing there are no spans, and whoever would make a child asks
/// `nil` for one. A span of a trace that is not recorded costs nothing but itself: it passes the
/// trace on and has no children.
package final class Span: Sendable {
    /// As OTLP numbers them.
    package enum Kind: Int, Sendable {
        case `internal` = 1
        case server, client, producer, consumer
    }

    private struct Record {
        var name: String
        var attributes: [SpanAttribute]
        var droppedAttributes = 0
        var failure: String?
    }

    /// What the task is doing; `nil` without tracing.
    @TaskLocal package static var current: Span?

    package let context: TraceContext
    package let tracer: Tracer
    private let kind: Kind
    private let parent: SpanID?
    private let isParentRemote: Bool
    private let start: ContinuousClock.Instant
    private let line: TraceLine
    /// `nil` once it has ended, and where nothing is recorded.
    private let record: Mutex<Record?>

    private static let mostAttributes = 64

    init(
        _ name: String,
        _ kind: Kind,
        _ context: TraceContext,
        parent: SpanID?,
        isParentRemote: Bool = false,
        tracer: Tracer,
        line: TraceLine = TraceLine(),
        isRecorded: Bool = true,
        at start: ContinuousClock.Instant,
        _ attributes: [SpanAttribute]
    ) {
        self.kind = kind
        self.context = context
        self.parent = parent
        self.isParentRemote = isParentRemote
        self.tracer = tracer
        self.start = start
        self.line = line
        record = Mutex(
            context.isSampled && isRecorded
                ? Record(name: name, attributes: attributes.map(\.bounded)) : nil
        )
    }

    /// A span below this one; this one itself where nothing is recorded. Beyond so many of a trace
    /// they are left out: what would be below them is below this one then.
    package func child(
        _ name: String,
        _ kind: Kind = .internal,
        at start: ContinuousClock.Instant = .now,
        _ attributes: @autoclosure () -> [SpanAttribute] = []
    ) -> Span {
        guard context.isSampled else { return self }
        let isRecorded = line.takeSpan()
        return Span(
            name,
            kind,
            TraceContext(
                traceID: context.traceID,
                spanID: isRecorded ? SpanID() : context.spanID,
                isSampled: true,
                state: context.state
            ),
            parent: context.spanID,
            tracer: tracer,
            line: line,
            isRecorded: isRecorded,
            at: start,
            isRecorded ? attributes() : []
        )
    }

    /// Adds an attribute; of a span that has ended nothing changes any more.
    package func set(_ key: SpanKey, _ value: @autoclosure () -> SpanAttribute.Value) {
        guard context.isSampled else { return }
        let attribute = SpanAttribute(key, value()).bounded
        record.withLock { record in
            guard let count = record?.attributes.count else { return }
            if let place = record?.attributes.firstIndex(where: { $0.key == key }) {
                record?.attributes[place] = attribute
            } else if count < Self.mostAttributes {
                record?.attributes.append(attribute)
            } else {
                record?.droppedAttributes += 1
            }
        }
    }

    /// Changes the name, where it is known only later.
    package func rename(_ name: String) { record.withLock { $0?.name = name } }

    /// Says who it is about, where spans may.
    package func set(user: @autoclosure () -> String) {
        guard tracer.showsUsers else { return }
        set(.user, .string(user()))
    }

    /// Marks it as failed. `type` is of a small set: a message code, a status, a type's name.
    package func fail(_ type: String) {
        set(.errorType, .string(type))
        record.withLock { $0?.failure = type }
    }

    /// Ends it, once, and hands it over.
    package func end(at end: ContinuousClock.Instant = .now) {
        guard
            let record = record.withLock({ record in
                defer { record = nil }
                return record
            })
        else { return }
        let begun = line.date(of: start)
        tracer.finished(
            FinishedSpan(
                name: record.name,
                kind: kind,
                context: context,
                parent: parent,
                isParentRemote: isParentRemote,
                start: begun,
                end: max(begun, line.date(of: end)),
                attributes: record.attributes,
                droppedAttributes: record.droppedAttributes,
                failure: record.failure
            )
        )
    }
}

extension SpanAttribute {
    private static let longestText = 1024

    /// Texts of any length may come from outside; none is kept whole at any price.
    fileprivate var bounded: SpanAttribute {
        guard case .string(let text) = value, text.utf8.count > Self.longestText else {
            return self
        }
        let kept = text.utf8.prefix(Self.longestText)
        return SpanAttribute(key, .string(String(decoding: kept, as: UTF8.self)))
    }
}
