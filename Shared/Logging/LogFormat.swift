package import SharedConfig
import SharedMessages

/// How a record becomes a line: `ljson` one JSON object with keys in a fixed order, `text` time,
/// level and text separated by tabs, with labels in brackets.
package typealias LogFormat = LogConfig.Format

extension LogConfig.Format {
    /// The record as one line with its line end, for standard output and files.
    func line(_ record: LogRecord, offset: Int) -> [UInt8] {
        switch self {
        case .ljson: jsonLine(record, offset: offset)
        case .text: textLine(record, offset: offset)
        }
    }

    /// What a syslog line carries behind its header: no time and no level, no line end.
    func payload(_ record: LogRecord) -> [UInt8] {
        switch self {
        case .ljson:
            var json = JSONWriter()
            json.object { appendContents(of: record, to: &$0) }
            return json.bytes
        case .text:
            return Array(textContents(record).utf8)
        }
    }

    private func jsonLine(_ record: LogRecord, offset: Int) -> [UInt8] {
        var json = JSONWriter()
        json.object { fields in
            fields.field("timestamp") {
                $0.string(LogTime.rfc3339(record.time, offset: offset))
            }
            fields.field("level") { $0.string(record.level.name) }
            appendContents(of: record, to: &fields)
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private func appendContents(of record: LogRecord, to fields: inout JSONWriter) {
        fields.field("code") { $0.string(record.code) }
        fields.field("message") { $0.string(record.message) }
        fields.field("details") { $0.labels(record.labels) }
    }

    private func textLine(_ record: LogRecord, offset: Int) -> [UInt8] {
        let time = LogTime.rfc3339(record.time, offset: offset)
        return Array("\(time)\t\(record.level.name)\t\(textContents(record))\n".utf8)
    }

    private func textContents(_ record: LogRecord) -> String {
        let message = record.message.onOneLine
        guard !record.labels.isEmpty else { return message }
        let labels = record.labels.sorted { $0.key < $1.key }
            .map { "\($0.key.onOneLine)=\("\($0.value)".onOneLine)" }
        return "\(message) (\(labels.joined(separator: " ")))"
    }
}

extension String {
    /// The text with everything escaped that ends a line or steers a terminal.
    var onOneLine: String {
        guard unicodeScalars.contains(where: \.breaksLine) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.breaksLine: text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Unicode.Scalar {
    fileprivate var breaksLine: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
