/// Reads JSON (RFC 8259) into a tree: bounded in size and depth, with a key given twice refused.
package struct JSONTree {
    private let bytes: [UInt8]
    private let keepsOrigins: Bool
    private var position = 0
    private var line = 1
    private var values = 0
    private var origins: [String: String] = [:]

    private init(_ bytes: [UInt8], keepsOrigins: Bool) {
        self.bytes = bytes
        self.keepsOrigins = keepsOrigins
    }

    /// Reads one value.
    ///
    /// With `keepsOrigins` the result says on which line each key stands. With `allowsMore` the
    /// text may go on behind the value; otherwise only white space may follow.
    package static func parse(
        _ bytes: [UInt8],
        keepsOrigins: Bool = false,
        allowsMore: Bool = false
    ) throws(ConfigProblems) -> ParsedTree {
        guard bytes.count <= TreeLimits.bytes else {
            throw ConfigProblems([ConfigProblem("", "is larger than \(TreeLimits.bytes) bytes")])
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ConfigProblems([ConfigProblem("", "is not UTF-8 text")])
        }
        var reader = JSONTree(bytes, keepsOrigins: keepsOrigins)
        let tree = try reader.value(at: "", depth: 0)
        reader.skipSpace()
        guard allowsMore || reader.position == bytes.count else {
            throw reader.problem("has text behind the end of the JSON value")
        }
        return ParsedTree(tree: tree, origins: reader.origins)
    }

    private mutating func value(at path: String, depth: Int) throws(ConfigProblems) -> ConfigTree {
        skipSpace()
        values += 1
        guard depth <= TreeLimits.depth else { throw problem("is nested too deeply") }
        guard values <= TreeLimits.values else { throw problem("holds too many values") }
        guard let first = peek else { throw problem("ends too early") }
        switch first {
        case UInt8(ascii: "{"): return try map(at: path, depth: depth)
        case UInt8(ascii: "["): return try list(at: path, depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw problem("is not JSON")
        }
    }

    private mutating func map(at path: String, depth: Int) throws(ConfigProblems) -> ConfigTree {
        var result: [String: ConfigTree] = [:]
        position += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return .map(result) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw problem("must have a key here") }
            let key = try string()
            let place = keepsOrigins ? join(path, key) : ""
            if keepsOrigins { origins[place] = "line \(line)" }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw problem("must have a colon here") }
            let value = try value(at: place, depth: depth + 1)
            guard result.updateValue(value, forKey: key) == nil else {
                throw problem("has the key \"\(key)\" twice")
            }
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw problem("must have a comma or } here") }
        return .map(result)
    }

    private mutating func list(at path: String, depth: Int) throws(ConfigProblems) -> ConfigTree {
        var result: [ConfigTree] = []
        position += 1
        skipSpace()
        if take(UInt8(ascii: "]")) { return .list(result) }
        repeat {
            let place = keepsOrigins ? "\(path)[\(result.count)]" : ""
            skipSpace()
            if keepsOrigins { origins[place] = "line \(line)" }
            result.append(try value(at: place, depth: depth + 1))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw problem("must have a comma or ] here") }
        return .list(result)
    }

    private mutating func word(_ text: String, _ value: ConfigTree) throws(ConfigProblems)
        -> ConfigTree
    {
        guard bytes[position...].starts(with: text.utf8) else { throw problem("is not JSON") }
        position += text.utf8.count
        return value
    }

    private mutating func number() throws(ConfigProblems) -> ConfigTree {
        let start = position
        _ = take(UInt8(ascii: "-"))
        let whole = takeDigits()
        let hasLeadingZero = whole > 1 && bytes[position - whole] == UInt8(ascii: "0")
        guard whole > 0, !hasLeadingZero else { throw problem("has a malformed number") }
        var isWhole = true
        if take(UInt8(ascii: ".")) {
            isWhole = false
            guard takeDigits() > 0 else { throw problem("has a malformed number") }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard takeDigits() > 0 else { throw problem("has a malformed number") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw problem("has a number that is too large")
        }
        return .double(value)
    }

    private mutating func takeDigits() -> Int {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            position += 1
        }
        return position - start
    }

    private mutating func string() throws(ConfigProblems) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += String(try escape()).utf8
            case 0..<0x20: throw problem("has a control character in a string")
            default: text.append(byte)
            }
        }
        throw problem("ends inside a string")
    }

    private mutating func escape() throws(ConfigProblems) -> Unicode.Scalar {
        guard let byte = peek else { throw problem("ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw problem("has an unknown escape in a string")
        }
    }

    /// One `\u` escape, or two that make a surrogate pair; half a pair becomes U+FFFD.
    private mutating func unicodeEscape() throws(ConfigProblems) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        let isPair =
            (0xD800...0xDBFF).contains(first) && bytes[position...].starts(with: "\\u".utf8)
        guard isPair else { return "\u{FFFD}" }
        let mark = position
        position += 2
        let second = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(second) else {
            position = mark
            return "\u{FFFD}"
        }
        let combined = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
        return Unicode.Scalar(combined) ?? "\u{FFFD}"
    }

    private mutating func hexadecimal() throws(ConfigProblems) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        let text = String(decoding: digits, as: UTF8.self)
        guard digits.count == 4, text.first != "+", text.first != "-",
            let value = UInt32(text, radix: 16)
        else { throw problem("has a malformed \\u escape") }
        position += 4
        return value
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
            if byte == 0x0A { line += 1 }
            position += 1
        }
    }

    private func problem(_ rule: String) -> ConfigProblems {
        ConfigProblems([ConfigProblem("", rule, origin: "line \(line)")])
    }
}
