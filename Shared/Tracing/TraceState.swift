/// The header `tracestate`: what tracing systems tell each other, passed on as it came (W3C Trace
/// Context §3.3).
package struct TraceState: Sendable, Hashable {
    /// The header's value; empty if there is none.
    package let text: String

    private static let mostMembers = 32
    private static let mostBytes = 512

    /// Says nothing.
    package init() { text = "" }

    /// Reads the values of all headers of that name. What does not keep to the rules is left out
    /// as a whole, as they ask for: more than 32 members, a name twice, characters that may not be.
    /// Of what is longer than 512 bytes the members above 128 bytes go first, then the last ones.
    package init(_ headers: [String]) {
        text = Self.shortened(Self.members(of: headers) ?? []).joined(separator: ",")
    }

    /// `nil` where a rule is broken.
    private static func members(of headers: [String]) -> [Substring]? {
        var members: [Substring] = []
        var keys: Set<Substring> = []
        for header in headers {
            // 512 bytes are what anybody has to pass on; far more is an attack.
            guard header.utf8.count <= 16 * mostBytes else { return nil }
            for piece in header.split(separator: ",") {
                let member = piece.trimmed
                guard !member.isEmpty else { continue }
                guard let key = member.validKey, keys.insert(key).inserted,
                    keys.count <= mostMembers
                else { return nil }
                members.append(member)
            }
        }
        return members
    }

    private static func shortened(_ members: [Substring]) -> [Substring] {
        var kept = members
        func length() -> Int { kept.reduce(-1) { $0 + $1.utf8.count + 1 } }
        while length() > mostBytes, let long = kept.lastIndex(where: { $0.utf8.count > 128 }) {
            kept.remove(at: long)
        }
        while length() > mostBytes { kept.removeLast() }
        return kept
    }
}

extension Substring {
    /// Without the spaces and tabs around it.
    fileprivate var trimmed: Substring {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        var rest = drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }

    /// The key of a member `key=value` that keeps to the grammar (§3.3.1.3), else `nil`.
    fileprivate var validKey: Substring? {
        guard let equals = firstIndex(of: "=") else { return nil }
        let (key, value) = (self[..<equals], self[index(after: equals)...])
        return key.isStateKey && value.isStateValue ? key : nil
    }

    private var isStateKey: Bool {
        let parts = utf8.split(
            separator: UInt8(ascii: "@"),
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        let begins: (UInt8) -> Bool = { $0.isLowercaseLetter }
        let beginsTenant: (UInt8) -> Bool = { $0.isLowercaseLetter || $0.isDigit }
        guard let first = parts.first?.first, utf8.allSatisfy(\.isKeyByte) else { return false }
        guard parts.count == 2 else { return begins(first) && utf8.count <= 256 }
        guard let system = parts[1].first, !parts[1].contains(UInt8(ascii: "@")) else {
            return false
        }
        return beginsTenant(first) && begins(system) && parts[0].count <= 241
            && parts[1].count <= 14
    }

    private var isStateValue: Bool {
        (1...256).contains(utf8.count)
            && utf8.allSatisfy {
                (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=")
            }
    }
}

extension UInt8 {
    fileprivate var isLowercaseLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")) ~= self }
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= self }
    fileprivate var isKeyByte: Bool {
        isLowercaseLetter || isDigit || "_-*/@".utf8.contains(self)
    }
}
