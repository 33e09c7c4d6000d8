import Crypto

/// An ETag that is a sum over the content: MD5 of an object or part, or for an object in parts MD5
/// over those sums, followed by their number. Stores that encrypt with keys of their own, and some
/// others, have tags that mean nothing.
struct ETag: Sendable, Hashable {
    var sum: [UInt8]
    /// `nil` for what was sent in one piece.
    var parts: Int?

    init(sum: [UInt8], parts: Int? = nil) {
        self.sum = sum
        self.parts = parts
    }

    /// `nil` for a tag that can't be a sum.
    init?(_ text: String) {
        let pieces = text.filter { $0 != "\"" }.split(separator: "-", maxSplits: 1)
        guard let first = pieces.first, first.utf8.count == 32 else { return nil }
        var sum: [UInt8] = []
        var rest = Substring(first)
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            sum.append(byte)
            rest = rest.dropFirst(2)
        }
        self.sum = sum
        if pieces.count == 2 {
            guard let parts = Int(pieces[1]) else { return nil }
            self.parts = parts
        }
    }

    /// The tag of an object that is made of parts with these sums.
    static func joined(_ sums: [[UInt8]]) -> ETag {
        ETag(sum: Array(Insecure.MD5.hash(data: Array(sums.joined()))), parts: sums.count)
    }
}
