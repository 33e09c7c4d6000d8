import HTTPTypes
import Hummingbird
import SharedTracing

/// Makes a span of every request that belongs to a trace, which it then has in `Span.current`.
///
/// Requests without `traceparent` begin no trace: health checks and reports of metrics would fill
/// a collector with what nobody looks for.
struct TracingMiddleware: RouterMiddleware {
    let tracer: Tracer

    func handle(
        _ request: Request,
        context: HTTPContext,
        next: @concurrent (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        guard let parent = TraceContext(request.headers) else {
            return try await next(request, context)
        }
        let span = tracer.resume(parent, request.method.rawValue, .server)
        defer { span.end() }
        span.set(.httpMethod, .string(request.method.rawValue))
        span.set(.urlPath, .string(request.uri.path))
        if let address = context.clientAddress { span.set(.clientAddress, .string(address)) }
        let response = try await span.run { try await next(request, context) }
        if let route = context.endpointPath {
            span.rename("\(request.method.rawValue) \(route)")
            span.set(.httpRoute, .string(route))
        }
        span.set(.httpStatus, .integer(response.status.code))
        if response.status.code >= 500 { span.fail("\(response.status.code)") }
        return response
    }
}

extension TraceContext {
    /// What the headers say; `nil` if that is nothing, or not clear.
    init?(_ headers: HTTPFields) {
        guard let parentName = HTTPField.Name("traceparent"),
            let stateName = HTTPField.Name("tracestate")
        else { return nil }
        let parents = headers[values: parentName]
        guard parents.count == 1 else { return nil }
        self.init(traceparent: parents[0], state: TraceState(headers[values: stateName]))
    }
}
