/// How many events may happen in a time, written `30/1m`; empty for no limit.
///
/// It is a token bucket: that many at once, then one more each `window / count`.
package struct RateLimit: ConfigValue, Hashable {
    /// 0 for no limit.
    package let count: Int
    package let window: Duration

    package static let none = RateLimit(count: 0, window: .zero)

    package init(count: Int, window: Duration) {
        self.count = count
        self.window = window
    }

    /// `nil` unless it is empty, or a number of at least 1, a slash and a time of at least 1 ms.
    package init?(_ text: String) {
        guard !text.isEmpty else {
            self = .none
            return
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), (1...1_000_000).contains(count),
            let window = Duration(goText: String(parts[1])), window >= .milliseconds(1)
        else { return nil }
        self.init(count: count, window: window)
    }

    package var isLimited: Bool { count > 0 }

    /// As it is written.
    package var text: String { isLimited ? "\(count)/\(window.goText)" : "" }

    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> RateLimit? {
        if let text = String.text(of: tree), let limit = RateLimit(text) { return limit }
        let rule = "must be a number of events and a time such as 30/1m, or empty for no limit"
        problems.append(ConfigProblem(path, value: tree.summary, rule))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree {
        .string(text)
    }
}
