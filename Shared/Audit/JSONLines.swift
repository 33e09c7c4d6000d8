import NIOCore

/// JSON as the original's tools print it: no spaces, keys in the order of the catalogue, and
/// `<`, `>`, `&`, U+2028 and U+2029 escaped.
extension String {
    mutating func appendJSON(_ text: String) {
        append("\"")
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case "\u{FFFD}": append("\\ufffd")
            case "\0"..<" ", "<", ">", "&", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            default: unicodeScalars.append(scalar)
            }
        }
        append("\"")
    }

    fileprivate mutating func appendJSON(_ entries: [AuditField.Entry]) {
        append("{")
        for (index, entry) in entries.enumerated() {
            if index > 0 { append(",") }
            append("\"\(entry.key)\":")
            appendJSON(entry.value)
        }
        append("}")
    }

    fileprivate mutating func appendJSON(_ field: AuditField) {
        switch field {
        case .text(let text): appendJSON(text)
        case .number(let number): append(String(number))
        case .flag(let flag): append(flag ? "true" : "false")
        case .bytes(nil), .data(nil), .list(nil): append("null")
        case .bytes(let bytes?): append("\"\(Base64.encode(bytes))\"")
        case .data(let data?): append("\"\(Base64.encode(data.readableBytesView))\"")
        case .list(let maps?):
            append("[")
            for (index, map) in maps.enumerated() {
                if index > 0 { append(",") }
                appendJSON(map)
            }
            append("]")
        }
    }
}

extension RecordingDecoder.Item {
    /// One line of the decoder's output, without the line end.
    package var jsonLine: String {
        switch self {
        case .message(let message): return message.jsonLine
        case .failure(let text):
            var line = "{\"error\":"
            line.appendJSON(text)
            return line + "}"
        }
    }
}

extension AuditMessage {
    /// The message as one JSON object with the keys `connectionId`, `timestamp` (nanoseconds),
    /// `type`, `typeId`, `typeName`, `payload` and `channelId`; byte strings are base64.
    ///
    /// The two handshake messages are called `invalid`, as the original's tools know no name for
    /// them and readers of this output may rely on it.
    package var jsonLine: String {
        let kind = event.kind
        let isNameless = kind.number == 198 || kind.number == 199
        var line = "{\"connectionId\":"
        line.appendJSON(connectionID)
        line += ",\"timestamp\":\(timestamp),\"type\":\(kind.number),\"typeId\":"
        line.appendJSON(isNameless ? "invalid" : kind.id)
        line += ",\"typeName\":"
        line.appendJSON(isNameless ? "invalid" : kind.name)
        line += ",\"payload\":"
        if let fields = event.fields { line.appendJSON(fields) } else { line += "null" }
        line += ",\"channelId\":" + (channelID.map(String.init) ?? "null") + "}"
        return line
    }
}

/// Standard base64 with padding (RFC 4648 §4).
enum Base64 {
    private static let alphabet = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    static func encode(_ bytes: some Collection<UInt8>) -> String {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var held = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            held += 1
            guard held == 3 else { continue }
            for shift in [18, 12, 6, 0] { output.append(alphabet[Int(group >> shift & 63)]) }
            group = 0
            held = 0
        }
        if held > 0 {
            group <<= held == 1 ? 16 : 8
            for shift in [18, 12, 6].prefix(held + 1) {
                output.append(alphabet[Int(group >> UInt32(shift) & 63)])
            }
            output.append(contentsOf: [UInt8](repeating: UInt8(ascii: "="), count: 3 - held))
        }
        return String(decoding: output, as: UTF8.self)
    }
}
