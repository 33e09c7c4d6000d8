/// An entry of an allow or deny list: a text to the letter, or a marked pattern.
///
/// `glob:git-*` and `regex:(ls|cat) [a-z/]+` describe the *whole* text. Matching takes time
/// proportional to the text, whatever the pattern: there is no backtracking.
package struct TextPattern: Sendable, Hashable {
    private enum Kind: Sendable, Hashable {
        case exact
        case pattern(PatternProgram)
    }

    /// What the configuration says.
    package let source: String
    private let kind: Kind

    /// Longer texts are not looked at by patterns; with the largest program that is 5 ms.
    package static let longestText = 16 << 10

    package init(_ source: String) throws(PatternError) {
        self.source = source
        if source.hasPrefix("regex:") {
            kind = .pattern(try RegexParser.program(of: source.dropFirst("regex:".count)))
        } else if source.hasPrefix("glob:") {
            kind = .pattern(try GlobParser.program(of: source.dropFirst("glob:".count)))
        } else {
            kind = .exact
        }
    }

    /// Whether this describes `text`; `ifTooLong` for a text that is too long for patterns.
    package func matches(_ text: some Collection<UInt8>, ifTooLong: Bool = false) -> Bool {
        switch kind {
        case .exact: text.elementsEqual(source.utf8)
        case .pattern(let program):
            text.count > Self.longestText ? ifTooLong : program.matches(text)
        }
    }

    package func matches(_ text: String) -> Bool { matches(text.utf8) }

    /// Whether it is the pattern for any text.
    package var matchesEverything: Bool { source == "glob:*" || source == "regex:.*" }
}

/// Why a pattern cannot be used.
package struct PatternError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The end of a sentence: `must …`.
    package let description: String

    init(_ description: String) { self.description = description }
}

/// A list of entries, held against one text.
package struct TextPatternList: Sendable, Hashable {
    private let patterns: [TextPattern]
    private let isBroken: Bool

    /// The entries of a checked configuration.
    package init(_ entries: [String]) {
        let parsed = entries.map { try? TextPattern($0) }
        patterns = parsed.compactMap(\.self)
        isBroken = patterns.count != entries.count
    }

    package var isEmpty: Bool { patterns.isEmpty && !isBroken }

    /// As a list of what is allowed: a text that is too long for patterns is not.
    package func allows(_ text: some Collection<UInt8>) -> Bool {
        patterns.contains { $0.matches(text, ifTooLong: false) }
    }

    /// As a list of what is denied: a text that is too long for patterns is, and with an entry
    /// that nobody understands everything is.
    package func denies(_ text: some Collection<UInt8>) -> Bool {
        isBroken || patterns.contains { $0.matches(text, ifTooLong: true) }
    }

    package func allows(_ text: String) -> Bool { allows(text.utf8) }
    package func denies(_ text: String) -> Bool { denies(text.utf8) }
}
