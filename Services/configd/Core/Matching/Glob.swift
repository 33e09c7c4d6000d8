/// A pattern for names: `*` stands for any characters, `?` for one; case counts.
struct Glob: Sendable, Hashable {
    private let pattern: [Character]

    init(_ text: String) {
        pattern = Array(text)
    }

    /// Takes time in the product of both lengths at most, whatever the pattern.
    func matches(_ text: String) -> Bool {
        let name = Array(text)
        var (position, next) = (0, 0)
        var star: (pattern: Int, name: Int)?
        while position < name.count {
            if next < pattern.count, pattern[next] == "*" {
                star = (next, position)
                next += 1
            } else if next < pattern.count,
                pattern[next] == "?" || pattern[next] == name[position]
            {
                next += 1
                position += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                next = last.pattern + 1
                position = last.name + 1
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == "*" }
    }
}
