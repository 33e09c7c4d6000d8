/// How a recording is cut into parts: the same for the same length and first size, so that an
/// upload can be resumed by asking only which parts the bucket has.
///
/// S3 takes 10,000 parts of 5 MiB to 5 GiB, the last one of any size, and objects of 5 TiB. Parts
/// therefore grow: each 900 are twice as long as those before, so that 5 MiB to begin with suffices.
struct PartPlan: Sendable, Hashable {
    static let maximumParts = 10_000
    static let largestPart: UInt64 = 5 << 30
    private static let step = 900

    /// Bytes of the first parts.
    let firstSize: UInt64

    /// One part of a recording.
    struct Part: Sendable, Hashable {
        /// 1...10,000.
        var number: Int
        var offset: UInt64
        var length: UInt64

        var end: UInt64 { offset + length }
    }

    /// The full length of a part by its number, from 1.
    func size(_ number: Int) -> UInt64 {
        let doublings = (number - 1) / Self.step
        guard doublings < 20 else { return Self.largestPart }
        return min(firstSize << UInt64(doublings), max(Self.largestPart, firstSize))
    }

    /// The parts that `length` bytes make: the last one short if the recording has `isFinished`,
    /// else only whole ones.
    func parts(of length: UInt64, isFinished: Bool) -> [Part] {
        var parts: [Part] = []
        while let next = part(after: parts.last, length: length, isFinished: isFinished) {
            parts.append(next)
        }
        return parts
    }

    /// The part behind another, or the first; `nil` if there are not enough bytes for it.
    func part(after last: Part?, length: UInt64, isFinished: Bool) -> Part? {
        let number = (last?.number ?? 0) + 1
        let offset = last?.end ?? 0
        guard number <= Self.maximumParts, offset < length else { return nil }
        let size = size(number)
        let rest = length - offset
        guard rest >= size || isFinished else { return nil }
        return Part(number: number, offset: offset, length: min(size, rest))
    }
}
