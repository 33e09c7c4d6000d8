/// A place in a trace, as it travels between processes (W3C Trace Context).
package struct TraceContext: Sendable, Hashable {
    package let traceID: TraceID
    package let spanID: SpanID
    /// Whether the trace is recorded; whoever begins it decides.
    package let isSampled: Bool
    /// What others want to be told along the way; empty if nothing.
    package let state: TraceState

    package init(
        traceID: TraceID,
        spanID: SpanID,
        isSampled: Bool,
        state: TraceState = TraceState()
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.state = state
    }

    /// Reads the header `traceparent` (§3.2); `nil` for what is none. Later versions are read as
    /// far as this one knows them.
    package init?(traceparent: String, state: TraceState = TraceState()) {
        let text = Array(traceparent.utf8)
        let dash = UInt8(ascii: "-")
        guard text.count >= Self.length, text[2] == dash, text[35] == dash, text[52] == dash,
            let version = UInt64(lowercaseHex: text[0..<2]), version != 0xFF,
            version == 0
                ? text.count == Self.length : text.count == Self.length || text[55] == dash,
            let high = UInt64(lowercaseHex: text[3..<19]),
            let low = UInt64(lowercaseHex: text[19..<35]),
            let parent = UInt64(lowercaseHex: text[36..<52]),
            let flags = UInt64(lowercaseHex: text[53..<55]),
            let traceID = TraceID(high: high, low: low), let spanID = SpanID(parent)
        else { return nil }
        self.init(traceID: traceID, spanID: spanID, isSampled: flags & 1 == 1, state: state)
    }

    /// The header `traceparent` of version 00.
    package var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

    /// Of version 00.
    private static let length = 55
}

extension UInt64 {
    /// Lower-case digits only, as the headers have them; at most 16.
    fileprivate init?(lowercaseHex digits: ArraySlice<UInt8>) {
        self = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                self = self << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                self = self << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
    }
}
