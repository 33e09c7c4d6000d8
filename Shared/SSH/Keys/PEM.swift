/// A block of RFC 7468 text.
struct PEM {
    let label: String
    let bytes: [UInt8]
    /// The block alone, from BEGIN to END.
    let text: String

    /// The first block in `text`; what stands around it is ignored.
    init(_ text: String) throws(KeyError) {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmed() }
        guard let begin = lines.firstIndex(where: { Self.label($0, "BEGIN") != nil }),
            let label = Self.label(lines[begin], "BEGIN"),
            let end = lines[begin...].firstIndex(where: { Self.label($0, "END") == label })
        else { throw .malformed }
        let body = lines[(begin + 1)..<end]
        // The headers of RFC 1421 say how an old key is encrypted.
        guard !body.contains(where: { $0.hasPrefix("Proc-Type:") }) else { throw .encrypted }
        guard let bytes = Base64.decode(body.joined()) else { throw .malformed }
        self.label = label
        self.bytes = bytes
        self.text = lines[begin...end].joined(separator: "\n") + "\n"
    }

    static func encode(_ bytes: [UInt8], label: String) -> String {
        let text = Array(Base64.encode(bytes).utf8)
        let lines = stride(from: 0, to: text.count, by: 70).map { start in
            String(decoding: text[start..<min(start + 70, text.count)], as: UTF8.self)
        }
        return
            "-----BEGIN \(label)-----\n\(lines.joined(separator: "\n"))\n-----END \(label)-----\n"
    }

    private static func label(_ line: Substring, _ word: String) -> String? {
        let start = "-----\(word) "
        guard line.hasPrefix(start), line.hasSuffix("-----"),
            line.count > start.count + 5
        else { return nil }
        return String(line.dropFirst(start.count).dropLast(5))
    }
}

extension Substring {
    fileprivate func trimmed() -> Substring {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
