/// An element of the small XML documents that S3 and STS answer with.
///
/// Read by rules tighter than XML's: no DTD and so no entities of its own, at most 16 levels and
/// 100,000 elements; the size is limited by the caller.
struct XMLElement: Sendable, Hashable {
    /// Without prefix.
    private(set) var name: String
    private(set) var text = ""
    private(set) var children: [XMLElement] = []

    struct Malformed: Error, Hashable {}

    init(_ bytes: [UInt8]) throws(Malformed) {
        var parser = XMLParser(bytes)
        self = try parser.document()
    }

    fileprivate init(name: String) { self.name = name }

    fileprivate mutating func append(_ text: String) { self.text += text }
    fileprivate mutating func append(_ child: XMLElement) { children.append(child) }

    /// The text of the first child of that name.
    subscript(name: String) -> String? { children.first { $0.name == name }?.text }

    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    func first(_ name: String) -> XMLElement? { children.first { $0.name == name } }
}

private struct XMLParser {
    private static let maximumDepth = 16
    private static let maximumElements = 100_000

    private let bytes: [UInt8]
    private var position = 0
    private var elements = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(XMLElement.Malformed) -> XMLElement {
        if starts(with: "\u{FEFF}") { position += 3 }
        try skipMisc()
        let root = try element(depth: 0)
        try skipMisc()
        guard position == bytes.count else { throw .init() }
        return root
    }

    /// White space, comments and processing instructions. A DTD is refused.
    private mutating func skipMisc() throws(XMLElement.Malformed) {
        while true {
            skipSpace()
            if starts(with: "<?") {
                try skip(past: "?>")
            } else if starts(with: "<!--") {
                try skip(past: "-->")
            } else {
                return
            }
        }
    }

    private mutating func element(depth: Int) throws(XMLElement.Malformed) -> XMLElement {
        elements += 1
        guard depth < Self.maximumDepth, elements <= Self.maximumElements, take("<") else {
            throw .init()
        }
        let name = try self.name()
        var element = XMLElement(name: local(name))
        try skipAttributes()
        if take("/>") { return element }
        guard take(">") else { throw .init() }
        while !starts(with: "</") {
            guard position < bytes.count else { throw .init() }
            if starts(with: "<!--") {
                try skip(past: "-->")
            } else if starts(with: "<![CDATA[") {
                position += 9
                let start = position
                try skip(past: "]]>")
                element.append(String(decoding: bytes[start..<position - 3], as: UTF8.self))
            } else if starts(with: "<?") {
                try skip(past: "?>")
            } else if starts(with: "<") {
                element.append(try self.element(depth: depth + 1))
            } else {
                element.append(try text())
            }
        }
        guard take("</"), try self.name() == name else { throw .init() }
        skipSpace()
        guard take(">") else { throw .init() }
        return element
    }

    private mutating func name() throws(XMLElement.Malformed) -> String {
        let start = position
        while position < bytes.count, Self.isName(bytes[position]) { position += 1 }
        guard position > start else { throw .init() }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private func local(_ name: String) -> String {
        name.split(separator: ":").last.map(String.init) ?? name
    }

    private mutating func skipAttributes() throws(XMLElement.Malformed) {
        while true {
            skipSpace()
            guard position < bytes.count else { throw .init() }
            if starts(with: ">") || starts(with: "/>") { return }
            _ = try name()
            skipSpace()
            guard take("=") else { throw .init() }
            skipSpace()
            if take("\"") {
                try skip(past: "\"")
            } else if take("'") {
                try skip(past: "'")
            } else {
                throw .init()
            }
        }
    }

    private mutating func text() throws(XMLElement.Malformed) -> String {
        var result: [UInt8] = []
        while position < bytes.count, bytes[position] != UInt8(ascii: "<") {
            if bytes[position] == UInt8(ascii: "&") {
                result += try reference()
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private mutating func reference() throws(XMLElement.Malformed) -> [UInt8] {
        let start = position + 1
        while position < bytes.count, bytes[position] != UInt8(ascii: ";"), position - start < 10 {
            position += 1
        }
        guard take(";") else { throw .init() }
        let name = String(decoding: bytes[start..<position - 1], as: UTF8.self)
        switch name {
        case "amp": return Array("&".utf8)
        case "lt": return Array("<".utf8)
        case "gt": return Array(">".utf8)
        case "quot": return Array("\"".utf8)
        case "apos": return Array("'".utf8)
        default: return try character(name)
        }
    }

    private func character(_ name: String) throws(XMLElement.Malformed) -> [UInt8] {
        let number =
            name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name.dropFirst())
        guard name.hasPrefix("#"), let number, let scalar = Unicode.Scalar(number) else {
            throw .init()
        }
        return Array(String(Character(scalar)).utf8)
    }

    // MARK: - Bytes

    private func starts(with text: String) -> Bool {
        bytes[position...].starts(with: text.utf8)
    }

    private mutating func take(_ text: String) -> Bool {
        guard starts(with: text) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func skip(past end: String) throws(XMLElement.Malformed) {
        while position < bytes.count {
            if take(end) { return }
            position += 1
        }
        throw .init()
    }

    private mutating func skipSpace() {
        while position < bytes.count, [9, 10, 13, 32].contains(bytes[position]) { position += 1 }
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: "."), UInt8(ascii: ":"), 0x80...:
            true
        default: false
        }
    }
}

extension String {
    /// Fit for the text of an element.
    var xmlEscaped: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
