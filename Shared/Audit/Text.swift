import NIOCore

extension String {
    /// Text out of bytes, where each byte that belongs to no well-formed UTF-8 sequence becomes one
    /// U+FFFD, as the original's tools do it. (`String(decoding:)` makes one of several.)
    init(repairing bytes: some Collection<UInt8>) {
        if let whole = String(validating: bytes, as: UTF8.self) {
            self = whole
            return
        }
        var result = ""
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = UTF8Sequence.length(at: rest)
            if length > 0 {
                result += String(decoding: rest.prefix(length), as: UTF8.self)
                rest = rest.dropFirst(length)
            } else {
                result.unicodeScalars.append("\u{FFFD}")
                rest = rest.dropFirst()
            }
        }
        self = result
    }
}

/// The rules of well-formed UTF-8 (The Unicode Standard, table 3-7).
enum UTF8Sequence {
    /// The length of the well-formed sequence at the front, or 0.
    static func length(at bytes: some Collection<UInt8>) -> Int {
        guard let (expected, matched) = match(bytes), matched == expected else { return 0 }
        return expected
    }

    /// How many bytes at the end are the beginning of a sequence whose rest may still come: 0...3.
    static func incompleteSuffix(of bytes: some BidirectionalCollection<UInt8>) -> Int {
        for count in 1...3 where bytes.count >= count {
            let suffix = bytes.suffix(count)
            guard let first = suffix.first, first & 0xC0 != 0x80 else { continue }
            guard let (expected, matched) = match(suffix) else { return 0 }
            return matched == count && matched < expected ? count : 0
        }
        return 0
    }

    /// The length that the first byte announces and how many bytes fit it; `nil` for a byte that
    /// begins no sequence.
    private static func match(_ bytes: some Collection<UInt8>) -> (expected: Int, matched: Int)? {
        guard let first = bytes.first else { return nil }
        let expected: Int
        var allowed: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0x00...0x7F: expected = 1
        case 0xC2...0xDF: expected = 2
        case 0xE0: (expected, allowed) = (3, 0xA0...0xBF)
        case 0xED: (expected, allowed) = (3, 0x80...0x9F)
        case 0xE1...0xEF: expected = 3
        case 0xF0: (expected, allowed) = (4, 0x90...0xBF)
        case 0xF4: (expected, allowed) = (4, 0x80...0x8F)
        case 0xF1...0xF3: expected = 4
        default: return nil
        }
        var matched = 1
        for byte in bytes.dropFirst().prefix(expected - 1) {
            guard allowed.contains(byte) else { break }
            allowed = 0x80...0xBF
            matched += 1
        }
        return (expected, matched)
    }
}
