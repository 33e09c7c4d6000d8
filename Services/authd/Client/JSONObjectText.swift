package import SharedModels

/// Writes one JSON object key by key in the order of the calls, which `JSONEncoder` does not keep.
///
/// `<`, `>` and `&` are escaped, as servers of the webhook contract have always seen them.
package struct JSONObjectText {
    private var text = ""

    package init() {}

    /// The whole object.
    package var closed: String { "{" + text + "}" }

    package mutating func add(_ key: String, _ value: String) {
        add(key, raw: quoted(value))
    }

    package mutating func add(_ key: String, _ values: [String]) {
        add(key, raw: "[" + values.map(quoted).joined(separator: ",") + "]")
    }

    /// Adds what every question of the auth webhook begins with.
    mutating func add(_ head: AuthRequestHead) {
        add("remoteAddress", head.remoteAddress)
        add("connectionId", head.connectionID)
        add(head.carried)
        add("clientVersion", head.clientVersion)
        add("username", head.username)
    }

    /// Adds the maps that are not empty, names sorted.
    package mutating func add(_ carried: ConnectionMetadata) {
        add("metadata", carried.metadata.mapValues { ($0.value, $0.sensitive) })
        add("environment", carried.environment.mapValues { ($0.value, $0.sensitive) })
        add("files", carried.files.mapValues { ($0.value, $0.sensitive) })
    }

    private mutating func add(_ key: String, _ entries: [String: (String, Bool)]) {
        guard !entries.isEmpty else { return }
        var object = JSONObjectText()
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            var value = JSONObjectText()
            value.add("value", entry.0)
            value.add("sensitive", raw: entry.1 ? "true" : "false")
            object.add(name, raw: value.closed)
        }
        add(key, raw: object.closed)
    }

    mutating func add(_ key: String, raw: String) {
        if !text.isEmpty { text += "," }
        text += quoted(key) + ":" + raw
    }
}

/// A JSON string (RFC 8259 §7).
private func quoted(_ value: String) -> String {
    var text = "\""
    for scalar in value.unicodeScalars {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{0}"..<"\u{20}":
            let digits = String(scalar.value, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: text.unicodeScalars.append(scalar)
        }
    }
    return text + "\""
}
