/// A recording's name: the connection's identifier, 32 lower-case hexadecimal digits.
///
/// What a gateway hands to another auditd than before, from some byte on, is a further *part* of
/// the recording. Its name has a dot, the part's number and its offset besides, so that parts never
/// overwrite one another wherever they are stored, and ContainerSSH's tools pass them by.
package struct RecordingID: Sendable, Hashable {
    /// The 16 bytes that the digits spell.
    package let high: UInt64
    package let low: UInt64
    /// Counts from 0 per connection.
    package let part: UInt32
    /// The place in the whole recording of the part's first byte; 0 for part 0.
    package let offset: UInt64

    package init(high: UInt64, low: UInt64, part: UInt32 = 0, offset: UInt64 = 0) {
        self.high = high
        self.low = low
        self.part = part
        self.offset = part == 0 ? 0 : offset
    }

    /// Accepts exactly 32 lower-case hexadecimal digits, or those with `.PART-OFFSET` behind in
    /// decimal digits, so that a name is also a safe file name and has one spelling.
    package init?(_ text: some StringProtocol) {
        let pieces = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let digits = pieces[0]
        guard digits.utf8.count == 32,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let high = UInt64(digits.prefix(16), radix: 16),
            let low = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        guard pieces.count > 1 else {
            self.init(high: high, low: low)
            return
        }
        let numbers = pieces[1].split(separator: "-", omittingEmptySubsequences: false)
        guard numbers.count == 2, let part = UInt32(numbers[0]), part > 0,
            let offset = UInt64(numbers[1])
        else { return nil }
        self.init(high: high, low: low, part: part, offset: offset)
        guard description == text else { return nil }
    }

    /// The recording that this is a part of.
    package var whole: RecordingID { RecordingID(high: high, low: low) }

    package var isWhole: Bool { part == 0 }

    package func part(_ number: UInt32, from offset: UInt64) -> RecordingID {
        RecordingID(high: high, low: low, part: number, offset: offset)
    }
}

extension RecordingID: CustomStringConvertible {
    package var description: String {
        Self.digits(high) + Self.digits(low) + (part == 0 ? "" : ".\(part)-\(offset)")
    }

    private static func digits(_ half: UInt64) -> String {
        let text = String(half, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
