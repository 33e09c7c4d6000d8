package import SharedConfig

/// One penalty as it is listed.
package struct PenaltyRecord: Codable, Sendable, Hashable {
    /// An address, or a network where that counts as one source.
    package var source: String
    /// Of the latest failure.
    package var cause: PenaltyKind
    /// Until it is over.
    package var remainingSeconds: Int64
    /// Whether the source is refused now, or only on the way there.
    package var refused: Bool
    package var banned: Bool

    package init(
        source: String,
        cause: PenaltyKind,
        remainingSeconds: Int64,
        refused: Bool,
        banned: Bool
    ) {
        self.source = source
        self.cause = cause
        self.remainingSeconds = remainingSeconds
        self.refused = refused
        self.banned = banned
    }

    package init(source: IPNetwork, entry: PenaltyBook.Entry, at now: ContinuousClock.Instant) {
        let (seconds, attoseconds) = now.duration(to: entry.until).components
        self.init(
            source: source.shortText,
            cause: entry.kind,
            remainingSeconds: seconds + (attoseconds > 0 ? 1 : 0),
            refused: entry.isActive,
            banned: entry.isBan
        )
    }
}

/// A failure as one gateway tells it to the others.
package struct Offence: Codable, Sendable, Hashable {
    /// A network in its text form.
    package var source: String
    package var kind: PenaltyKind

    package init(source: String, kind: PenaltyKind) {
        self.source = source
        self.kind = kind
    }
}
