import SharedLogging
import SharedTracing

/// Writes spans as OTLP's `ExportTraceServiceRequest` in JSON: identifiers in hexadecimal, 64-bit
/// numbers as strings, enumerations as numbers (OTLP specification, "JSON Protobuf Encoding").
enum TraceDocument {
    static func encode(_ spans: [FinishedSpan], from resource: TraceResource) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.field("resourceSpans") {
                $0.array([resource]) { $0.write($1, spans) }
            }
        }
        return json.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ resource: TraceResource, _ spans: [FinishedSpan]) {
        object {
            $0.field("resource") {
                $0.object {
                    $0.field("attributes") {
                        $0.array(resource.all) { $0.attribute($1.0, $1.1) }
                    }
                }
            }
            $0.field("scopeSpans") {
                $0.array([spans]) { $0.writeScope($1) }
            }
        }
    }

    private mutating func writeScope(_ spans: [FinishedSpan]) {
        object {
            $0.field("scope") { $0.object { $0.field("name") { $0.string("berth") } } }
            $0.field("spans") { $0.array(spans) { $0.write($1) } }
        }
    }

    private mutating func write(_ span: FinishedSpan) {
        let context = span.context
        object {
            $0.field("traceId") { $0.string(context.traceID.description) }
            $0.field("spanId") { $0.string(context.spanID.description) }
            if !context.state.text.isEmpty {
                $0.field("traceState") { $0.string(context.state.text) }
            }
            if let parent = span.parent {
                $0.field("parentSpanId") { $0.string(parent.description) }
            }
            $0.field("flags") { $0.number(span.flags) }
            $0.field("name") { $0.string(span.name) }
            $0.field("kind") { $0.number(span.kind.rawValue) }
            $0.field("startTimeUnixNano") { $0.string("\(span.start)") }
            $0.field("endTimeUnixNano") { $0.string("\(span.end)") }
            $0.field("attributes") {
                $0.array(span.attributes) { $0.attribute($1.key.rawValue, $1.value) }
            }
            if span.droppedAttributes > 0 {
                $0.field("droppedAttributesCount") { $0.number(span.droppedAttributes) }
            }
            if let failure = span.failure { $0.field("status") { $0.failed(failure) } }
        }
    }

    /// `STATUS_CODE_ERROR`; where nothing failed the status stays unset.
    private mutating func failed(_ what: String) {
        object {
            $0.field("code") { $0.number(2) }
            $0.field("message") { $0.string(what) }
        }
    }

    private mutating func attribute(_ key: String, _ value: SpanAttribute.Value) {
        object {
            $0.field("key") { $0.string(key) }
            $0.field("value") {
                $0.object {
                    switch value {
                    case .string(let text): $0.field("stringValue") { $0.string(text) }
                    case .integer(let number): $0.field("intValue") { $0.string("\(number)") }
                    case .bool(let flag): $0.field("boolValue") { $0.bool(flag) }
                    }
                }
            }
        }
    }
}

extension TraceResource {
    fileprivate var all: [(String, SpanAttribute.Value)] {
        attributes.map { ($0.0, .string($0.1)) } + [("process.pid", .integer(process))]
    }
}

extension FinishedSpan {
    /// The W3C flags, then `HAS_IS_REMOTE` and `IS_REMOTE` of the parent.
    fileprivate var flags: Int {
        (context.isSampled ? 1 : 0) | 0x100 | (isParentRemote ? 0x200 : 0)
    }
}
