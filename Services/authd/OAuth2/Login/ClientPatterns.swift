/// Regular expressions, one of which must be found in the client's version for it to count.
struct ClientPatterns: Sendable {
    private let patterns: [String]

    /// `fallback` counts where nothing is configured.
    init(_ patterns: [String], fallback: [String]) {
        self.patterns = patterns.isEmpty ? fallback : patterns
    }

    func match(_ version: String) -> Bool {
        // The configuration's check has refused those that do not compile.
        patterns.contains { (try? Regex($0))?.firstMatchExists(in: version) == true }
    }
}

extension Regex {
    fileprivate func firstMatchExists(in text: String) -> Bool {
        (try? firstMatch(in: text)) != nil
    }
}
