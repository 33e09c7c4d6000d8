/// `*` is any run of bytes, `?` one byte, a backslash takes what follows to the letter.
enum GlobParser {
    static func program(of text: some StringProtocol) throws(PatternError) -> PatternProgram {
        var nodes: [PatternNode] = []
        var isEscaped = false
        for byte in text.utf8 {
            switch byte {
            case _ where isEscaped:
                nodes.append(.byte(ByteSet(byte)))
                isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "*"): nodes.append(.repeated(.byte(.any), 0, nil))
            case UInt8(ascii: "?"): nodes.append(.byte(.any))
            default: nodes.append(.byte(ByteSet(byte)))
            }
        }
        if isEscaped { throw PatternError("must not end with a backslash") }
        return try PatternNode.sequence(nodes).program()
    }
}
