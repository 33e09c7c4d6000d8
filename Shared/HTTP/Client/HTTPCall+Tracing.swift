import SharedTracing

extension HTTPCall {
    /// Few different ones, as the conventions for HTTP spans want it.
    var spanName: String { route.map { "\(method.rawValue) \($0)" } ?? method.rawValue }

    /// With the headers that tell the server which trace the call belongs to (W3C Trace Context).
    func carrying(_ context: TraceContext) -> HTTPCall {
        var call = self
        call.headers["traceparent"] = context.traceparent
        call.headers["tracestate"] = context.state.text.isEmpty ? nil : context.state.text
        return call
    }
}

extension Span {
    /// Notes the status of a reply; from 400 on it is a failure of the call.
    func answered(_ status: Int) {
        set(.httpStatus, .integer(status))
        if status >= 400 { fail("\(status)") }
    }
}
