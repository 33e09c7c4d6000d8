/// The regular part of the usual notation: characters, `.`, `[a-z]`, `[^a-z]`, `\d \w \s`, groups,
/// `|`, `* + ? {2} {2,} {2,5}`. What needs memory (back references, look-around) is refused.
struct RegexParser {
    private var rest: Substring.UTF8View
    private var depth = 0

    /// Nested groups; each level is one level of our own calls.
    private static let deepest = 32
    private static let mostRepeats = 255

    static func program(of text: Substring) throws(PatternError) -> PatternProgram {
        var parser = RegexParser(rest: text.utf8)
        let node = try parser.alternatives()
        guard parser.rest.isEmpty else { throw PatternError("must have a ( for each )") }
        return try node.program()
    }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        var all = [try sequence()]
        while take("|") { all.append(try sequence()) }
        return all.count == 1 ? all[0] : .either(all)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let byte = rest.first, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            let node = try atom()
            nodes.append(try repeated(node))
        }
        return .sequence(nodes)
    }

    private mutating func atom() throws(PatternError) -> PatternNode {
        let byte = rest.removeFirst()
        switch byte {
        case UInt8(ascii: "."): return .byte(.any)
        case UInt8(ascii: "("): return try group()
        case UInt8(ascii: "["): return .byte(try set())
        case UInt8(ascii: "\\"): return .byte(try escape())
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
            throw PatternError("must repeat something; a backslash takes the sign to the letter")
        case UInt8(ascii: "^"), UInt8(ascii: "$"):
            throw PatternError(
                "must not use ^ or $: it describes the whole text; \\^ and \\$ are the signs"
            )
        default: return .byte(ByteSet(byte))
        }
    }

    private mutating func group() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else {
            throw PatternError("must not nest more than \(Self.deepest) groups")
        }
        if take("?") {
            guard take(":") else { throw PatternError("must not use (? other than for (?:") }
        }
        let node = try alternatives()
        guard take(")") else { throw PatternError("must have a ) for each (") }
        return node
    }

    // MARK: - Repetition

    private mutating func repeated(_ node: PatternNode) throws(PatternError) -> PatternNode {
        let node: PatternNode =
            if take("*") {
                .repeated(node, 0, nil)
            } else if take("+") {
                .repeated(node, 1, nil)
            } else if take("?") {
                .repeated(node, 0, 1)
            } else if take("{") {
                try counted(node)
            } else {
                node
            }
        return node
    }

    private mutating func counted(_ node: PatternNode) throws(PatternError) -> PatternNode {
        let rule = "must count as {2}, {2,} or {2,5}, at most \(Self.mostRepeats)"
        guard let least = number() else { throw PatternError(rule) }
        var most: Int? = least
        if take(",") { most = number() ?? (rest.first == UInt8(ascii: "}") ? nil : -1) }
        guard take("}"), least <= Self.mostRepeats, most.map({ $0 >= least }) ?? true,
            most ?? 0 <= Self.mostRepeats
        else { throw PatternError(rule) }
        return .repeated(node, least, most)
    }

    private mutating func number() -> Int? {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, digits.count <= 4 else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    // MARK: - Sets

    private mutating func set() throws(PatternError) -> ByteSet {
        let isInverted = take("^")
        var set = ByteSet()
        var isFirst = true
        while isFirst || rest.first != UInt8(ascii: "]") {
            isFirst = false
            let first = try member()
            guard rest.first == UInt8(ascii: "-"), rest.dropFirst().first != UInt8(ascii: "]"),
                let low = first.byte
            else {
                set.formUnion(first.set)
                continue
            }
            rest = rest.dropFirst()
            guard let high = try member().byte, low <= high else {
                throw PatternError("must have ranges in [ ] that run forwards")
            }
            set.formUnion(ByteSet(low...high))
        }
        rest = rest.dropFirst()
        return isInverted ? set.inverted : set
    }

    /// One member of a set; `byte` where it can be the end of a range.
    private mutating func member() throws(PatternError) -> (set: ByteSet, byte: UInt8?) {
        guard let byte = rest.popFirst() else { throw PatternError("must have a ] for each [") }
        guard byte < 0x80 else { throw PatternError("must have only ASCII characters in [ ]") }
        guard byte == UInt8(ascii: "\\") else { return (ByteSet(byte), byte) }
        let isSign = rest.first.map { !Self.isLetterOrDigit($0) } ?? false
        let sign = rest.first
        return (try escape(), isSign ? sign : nil)
    }

    private mutating func escape() throws(PatternError) -> ByteSet {
        guard let byte = rest.popFirst() else {
            throw PatternError("must not end with a backslash")
        }
        switch byte {
        case UInt8(ascii: "d"): return .digits
        case UInt8(ascii: "D"): return .digits.inverted
        case UInt8(ascii: "w"): return .word
        case UInt8(ascii: "W"): return .word.inverted
        case UInt8(ascii: "s"): return .space
        case UInt8(ascii: "S"): return .space.inverted
        case UInt8(ascii: "n"): return ByteSet(0x0a)
        case UInt8(ascii: "t"): return ByteSet(0x09)
        case _ where Self.isLetterOrDigit(byte):
            throw PatternError("must not use \\\(Character(.init(byte))): it means nothing here")
        default: return ByteSet(byte)
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool { ByteSet.word.contains(byte) }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }
}

extension ByteSet {
    fileprivate static let digits = ByteSet(0x30...0x39)
    fileprivate static let space = ByteSet(ascii: " \t\n\r\u{b}\u{c}")
    fileprivate static let word: ByteSet = {
        var set = ByteSet(0x30...0x39)
        set.formUnion(ByteSet(0x41...0x5a))
        set.formUnion(ByteSet(0x61...0x7a))
        set.insert(UInt8(ascii: "_"))
        return set
    }()
}
