import SharedConfig

/// Decides whether a login name may be tried at all.
struct UsernameRules: Sendable {
    private let allowed: TextPatternList
    private let denied: TextPatternList
    private let characters: TextPatternList
    private let maxLength: Int

    init(_ config: UsernameRulesConfig) {
        allowed = TextPatternList(config.allow)
        denied = TextPatternList(config.deny)
        characters = TextPatternList(config.characterPatterns)
        maxLength = config.maxLength
    }

    func allow(_ name: String) -> Bool {
        guard name.utf8.count <= maxLength,
            name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { return false }
        if !characters.isEmpty, !characters.allows(name) { return false }
        if denied.denies(name) { return false }
        return allowed.isEmpty || allowed.allows(name)
    }
}
