/// A span that has ended, as a `SpanSink` takes it.
package struct FinishedSpan: Sendable {
    package var name: String
    package var kind: Span.Kind
    package var context: TraceContext
    /// `nil` for the root of its trace.
    package var parent: SpanID?
    /// Whether the parent is another process's.
    package var isParentRemote: Bool
    /// Nanoseconds since the Unix epoch.
    package var start: UInt64
    /// Nanoseconds since the Unix epoch, not before `start`.
    package var end: UInt64
    package var attributes: [SpanAttribute]
    /// Attributes that were left out because there were too many.
    package var droppedAttributes: Int
    /// What is known to have failed; `nil` where nothing is.
    package var failure: String?
}

/// Takes spans that have ended; never waits.
package protocol SpanSink: Sendable {
    func take(_ span: FinishedSpan)
}

/// What a span says of itself.
package struct SpanAttribute: Sendable, Hashable {
    package enum Value: Sendable, Hashable {
        case string(String)
        case integer(Int)
        case bool(Bool)
    }

    package let key: SpanKey
    package let value: Value

    package init(_ key: SpanKey, _ value: Value) {
        self.key = key
        self.value = value
    }
}

extension SpanAttribute.Value: ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}
