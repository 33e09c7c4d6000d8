package import Logging
package import SharedConfig
import SharedHTTP
package import SharedMessages
package import SharedTracing

/// What a process traces with: `tracer` makes spans, `exporter` has to run for them to arrive.
package struct Tracing: Sendable {
    package let tracer: Tracer
    package let exporter: SpanExporter

    /// `nil` where the configuration names no collector. Reads certificate files, so it blocks.
    ///
    /// Throws a `CodedError` (`HTTP_CLIENT_…`) when URL or certificates cannot be used.
    package init?(
        _ config: TracingConfig,
        service: String,
        logger: Logger
    ) throws(CodedError) {
        guard config.isUsed else { return nil }
        let queue = SpanQueue(capacity: config.queue, batch: config.batch)
        tracer = Tracer(sample: config.sample, showsUsers: config.usernames, sink: queue)
        let collector = try Collector(config, resource: TraceResource(service: service), logger)
        exporter = SpanExporter(
            queue: queue,
            times: .init(interval: config.interval, call: config.client.timeout),
            logger: logger
        ) { spans, time throws(ExportFailure) in try await collector.send(spans, within: time) }
    }
}

/// An OTLP/HTTP receiver (OTLP specification, "OTLP/HTTP").
private struct Collector: Sendable {
    private let http: HTTPClient
    private let path: String
    private let headers: HTTPHeaderList
    private let resource: TraceResource

    init(
        _ config: TracingConfig,
        resource: TraceResource,
        _ logger: Logger
    ) throws(CodedError) {
        var options = try HTTPClientOptions(config.client)
        options.maximumConnections = 1
        var quiet = logger
        quiet.logLevel = .critical  // the exporter says once what fails
        http = try HTTPClient(options, logger: quiet)
        path = config.client.url.hasSuffix("/") ? "v1/traces" : "/v1/traces"
        self.resource = resource
        var headers: HTTPHeaderList = ["Content-Type": "application/json"]
        for (name, value) in config.headers { headers[name] = value.reveal() }
        self.headers = headers
    }

    func send(
        _ spans: [FinishedSpan],
        within time: Duration
    ) async throws(ExportFailure) -> SpanExporter.Delivery {
        let call = HTTPCall(
            .post,
            path,
            headers: headers,
            body: TraceDocument.encode(spans, from: resource),
            timeLimit: .total(time),
            replyLimit: 65_536
        )
        let reply: HTTPReply
        do {
            reply = try await http.send(call)
        } catch {
            throw ExportFailure("\(error)")
        }
        guard reply.isSuccess else { throw ExportFailure(reply) }
        // Collectors answer nothing, or say what they did not want.
        guard let partial = try? reply.decode(Answer.self).partialSuccess else { return .init() }
        return .init(
            refused: min(partial.rejected, spans.count),
            reason: String((partial.errorMessage ?? "").prefix(200))
        )
    }
}

extension ExportFailure {
    /// 429, 502, 503 and 504 ask for another try, the others never do (OTLP/HTTP, "Retryable
    /// Response Codes").
    fileprivate init(_ reply: HTTPReply) {
        let seconds = reply.headers["Retry-After"].flatMap(UInt32.init)
        self.init(
            "status \(reply.status)",
            isRetryable: [429, 502, 503, 504].contains(reply.status),
            retryAfter: seconds.map { .seconds($0) }
        )
    }
}

/// An `ExportTraceServiceResponse` in JSON.
private struct Answer: Decodable {
    struct PartialSuccess: Decodable {
        var rejectedSpans: Count?
        var errorMessage: String?

        var rejected: Int { max(rejectedSpans?.value ?? 0, 0) }
    }

    var partialSuccess: PartialSuccess?

    /// A 64-bit number: a string mostly, and a number from some.
    struct Count: Decodable {
        let value: Int

        init(from decoder: any Decoder) throws {
            let box = try decoder.singleValueContainer()
            if let number = try? box.decode(Int.self) {
                value = number
            } else {
                value = Int(try box.decode(String.self)) ?? 0
            }
        }
    }
}
