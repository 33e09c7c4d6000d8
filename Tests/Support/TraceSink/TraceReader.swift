import Foundation

/// Reads `ExportTraceServiceRequest` in the JSON encoding of OTLP and holds it against the
/// specification: known fields alone, identifiers in hexadecimal, 64-bit numbers as strings.
///
/// Written from the specification and `opentelemetry/proto/trace/v1/trace.proto`, not from what our
/// exporter does.
package enum TraceReader {
    /// What is wrong with a document, and where.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    package static func read(_ body: String) throws(Fault) -> [SunkSpan] {
        let document: Any
        do {
            document = try JSONSerialization.jsonObject(with: Data(body.utf8))
        } catch {
            throw Fault(description: "is not JSON: \(error)")
        }
        var spans: [SunkSpan] = []
        let root = try object(document, "request", allowed: ["resourceSpans"])
        for resource in try list(root["resourceSpans"], "resourceSpans") {
            spans += try readResource(resource)
        }
        return spans
    }

    private static func readResource(_ value: Any) throws(Fault) -> [SunkSpan] {
        let fields = try object(
            value,
            "resourceSpans",
            allowed: ["resource", "scopeSpans", "schemaUrl"]
        )
        let resource = try object(
            fields["resource"] as Any,
            "resource",
            allowed: ["attributes", "droppedAttributesCount"]
        )
        let attributes = try attributes(resource["attributes"], "resource")
        guard case .string(let service) = attributes["service.name"], !service.isEmpty else {
            throw Fault(description: "resource: no service.name")
        }
        var spans: [SunkSpan] = []
        for scope in try list(fields["scopeSpans"], "scopeSpans") {
            let fields = try object(
                scope,
                "scopeSpans",
                allowed: ["scope", "spans", "schemaUrl"]
            )
            for span in try list(fields["spans"], "spans") {
                spans.append(try readSpan(span, service))
            }
        }
        return spans
    }

    private static func readSpan(_ value: Any, _ service: String) throws(Fault) -> SunkSpan {
        let fields = try object(value, "span", allowed: spanFields)
        let name = try text(fields["name"], "name")
        guard !name.isEmpty else { throw Fault(description: "name: is empty") }
        let start = try unsigned(fields["startTimeUnixNano"], "startTimeUnixNano")
        let end = try unsigned(fields["endTimeUnixNano"], "endTimeUnixNano")
        guard start > 0, end >= start else {
            throw Fault(description: "\(name): ends before it begins")
        }
        return SunkSpan(
            service: service,
            trace: try identifier(fields["traceId"], 32, "traceId"),
            id: try identifier(fields["spanId"], 16, "spanId"),
            parent: try fields["parentSpanId"].map { value throws(Fault) in
                try identifier(value, 16, "parentSpanId")
            },
            state: try fields["traceState"].map { value throws(Fault) in
                try text(value, "traceState")
            } ?? "",
            flags: try number(fields["flags"] ?? 0, in: 0...0x3FF, "flags"),
            name: name,
            kind: try number(fields["kind"], in: 1...5, "kind"),
            start: start,
            end: end,
            attributes: try attributes(fields["attributes"], name),
            status: try status(fields["status"])
        )
    }

    private static let spanFields: Set<String> = [
        "traceId", "spanId", "traceState", "parentSpanId", "flags", "name", "kind",
        "startTimeUnixNano", "endTimeUnixNano", "attributes", "droppedAttributesCount", "events",
        "droppedEventsCount", "links", "droppedLinksCount", "status",
    ]

    private static func status(_ value: Any?) throws(Fault) -> Int {
        guard let value else { return 0 }
        let fields = try object(value, "status", allowed: ["code", "message"])
        return try number(fields["code"] ?? 0, in: 0...2, "status.code")
    }

    private static func attributes(
        _ value: Any?,
        _ place: String
    ) throws(Fault) -> [String: SunkSpan.Value] {
        var attributes: [String: SunkSpan.Value] = [:]
        for attribute in try list(value ?? [Any](), "attributes of \(place)") {
            let fields = try object(attribute, "attribute", allowed: ["key", "value"])
            let key = try text(fields["key"], "key")
            guard attributes[key] == nil else {
                throw Fault(description: "\(place): \(key) is there twice")
            }
            attributes[key] = try attributeValue(fields["value"], "\(place), \(key)")
        }
        return attributes
    }

    private static func attributeValue(
        _ value: Any?,
        _ place: String
    ) throws(Fault) -> SunkSpan.Value {
        let fields = try object(
            value as Any,
            place,
            allowed: ["stringValue", "intValue", "boolValue"]
        )
        guard fields.count == 1, let (type, content) = fields.first else {
            throw Fault(description: "\(place): a value has one type")
        }
        switch type {
        case "stringValue": return .string(try text(content, place))
        case "intValue":
            guard let number = Int64(try text(content, place)) else {
                throw Fault(description: "\(place): is no number")
            }
            return .integer(number)
        default:
            guard let flag = content as? Bool else {
                throw Fault(description: "\(place): is no boolean")
            }
            return .bool(flag)
        }
    }

    // MARK: - JSON

    private static func object(
        _ value: Any,
        _ place: String,
        allowed: Set<String>
    ) throws(Fault) -> [String: Any] {
        guard let fields = value as? [String: Any] else {
            throw Fault(description: "\(place): is no object")
        }
        if let unknown = fields.keys.first(where: { !allowed.contains($0) }) {
            throw Fault(description: "\(place): has no field \(unknown)")
        }
        return fields
    }

    private static func list(_ value: Any?, _ place: String) throws(Fault) -> [Any] {
        guard let list = value as? [Any] else { throw Fault(description: "\(place): is no list") }
        return list
    }

    private static func text(_ value: Any?, _ place: String) throws(Fault) -> String {
        guard let text = value as? String else {
            throw Fault(description: "\(place): is no string")
        }
        return text
    }

    /// A 64-bit number, which JSON's own numbers cannot hold.
    private static func unsigned(_ value: Any?, _ place: String) throws(Fault) -> UInt64 {
        guard let number = UInt64(try text(value, place)) else {
            throw Fault(description: "\(place): is no number")
        }
        return number
    }

    private static func number(
        _ value: Any?,
        in range: ClosedRange<Int>,
        _ place: String
    ) throws(Fault) -> Int {
        guard let number = value as? Int, range.contains(number) else {
            throw Fault(description: "\(place): is not in \(range)")
        }
        return number
    }

    /// Lower or upper case by the specification; not zero.
    private static func identifier(
        _ value: Any?,
        _ length: Int,
        _ place: String
    ) throws(Fault) -> String {
        let text = try text(value, place)
        guard text.utf8.count == length, text.allSatisfy(\.isHexDigit),
            text.contains(where: {
                $0 != "0"
            })
        else { throw Fault(description: "\(place): \(text) names nothing") }
        return text.lowercased()
    }
}
