/// How many connections may be on their way to a login, written `start:rate:full` as
/// `MaxStartups` of sshd_config(5); empty for no limit.
///
/// From `start` on a new connection is dropped with a chance of `rate` per cent, which grows
/// evenly to certainty at `full`.
package struct StartupLimit: ConfigValue, Hashable {
    package let start: Int
    /// 1...100.
    package let rate: Int
    package let full: Int

    package static let none = StartupLimit(start: .max, rate: 100, full: .max)

    package init(start: Int, rate: Int, full: Int) {
        self.start = start
        self.rate = rate
        self.full = full
    }

    /// `nil` unless it is empty, one number (`start` and `full` alike), or all three.
    package init?(_ text: String) {
        guard !text.isEmpty else {
            self = .none
            return
        }
        let texts = text.split(separator: ":", omittingEmptySubsequences: false)
        let parts = texts.compactMap { Int($0) }
        guard parts.count == texts.count, parts.count == 1 || parts.count == 3 else { return nil }
        let (start, rate, full) =
            parts.count == 1
            ? (parts[0], 100, parts[0]) : (parts[0], parts[1], parts[2])
        guard (1...1_000_000).contains(start), (1...100).contains(rate),
            (start...1_000_000).contains(full)
        else { return nil }
        self.init(start: start, rate: rate, full: full)
    }

    package var isLimited: Bool { start < .max }

    /// The chance in per cent with which one more is dropped while `count` are on their way.
    package func dropChance(at count: Int) -> Int {
        if count < start { return 0 }
        if count >= full { return 100 }
        return rate + (100 - rate) * (count - start) / (full - start)
    }

    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> StartupLimit? {
        if let text = String.text(of: tree), let limit = StartupLimit(text) { return limit }
        let rule = "must be start:rate:full such as 10:30:100, or empty for no limit"
        problems.append(ConfigProblem(path, value: tree.summary, rule))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree {
        .string(isLimited ? "\(start):\(rate):\(full)" : "")
    }
}
