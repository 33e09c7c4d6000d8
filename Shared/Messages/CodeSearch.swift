extension MessageCode {
    /// The code a person means by `text`: any case, spaces around it, `-` or space for `_`.
    package static func matching(_ text: String) -> MessageCode? { named(normalized(text)) }

    /// Codes that resemble `text`, nearest first, at most `limit`; empty if nothing is near.
    ///
    /// Near means few typing errors, or all words of `text` in the identifier.
    package static func suggestions(for text: String, limit: Int = 5) -> [MessageCode] {
        let wanted = String(normalized(text).prefix(longestSearch))
        guard !wanted.isEmpty else { return [] }
        let ranked = all.compactMap { code -> (code: MessageCode, distance: Int)? in
            let distance = editDistance(wanted, code.id)
            if distance <= max(1, wanted.count / 4) { return (code, distance) }
            return words(of: wanted).isSubset(of: words(of: code.id)) ? (code, distance) : nil
        }
        return ranked.sorted { ($0.distance, $0.code.id) < ($1.distance, $1.code.id) }
            .prefix(limit).map(\.code)
    }

    /// Longer than any identifier; keeps the quadratic comparison short for any input.
    private static let longestSearch = 80

    private static func normalized(_ text: String) -> String {
        String(
            text.uppercased().split(whereSeparator: \.isWhitespace).joined(separator: "_")
                .map { $0 == "-" ? "_" : $0 }
        )
    }

    private static func words(of id: String) -> Set<Substring> { Set(id.split(separator: "_")) }

    /// How many characters must be inserted, removed or replaced to make one into the other.
    private static func editDistance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (i, character) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in right.indices {
                let replaced = diagonal + (character == right[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
