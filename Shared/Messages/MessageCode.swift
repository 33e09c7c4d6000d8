/// One thing that can happen, under a name that never changes its meaning and is never reused.
///
/// Every code is a static constant in the file of its area; `MessageCode.all` holds them all.
/// `docs/codes.md` and `berth explain` are made from these values.
package struct MessageCode: Sendable {
    /// The identifier: `AREA_WHAT_HAPPENED`.
    package let id: String
    /// The level at which the event is logged unless the caller knows better.
    package let level: MessageLevel
    /// Whether the event reaches the log whatever level is configured.
    package let isAudit: Bool
    /// What happened, for the operator: one or two sentences.
    package let explanation: String
    /// What the person at the keyboard may be told; `nil` where nothing is ever shown to them.
    package let personText: String?
    /// What the operator does about it.
    package let remedy: String

    package init(
        _ id: String,
        _ level: MessageLevel,
        isAudit: Bool = false,
        explanation: String,
        personText: String? = nil,
        remedy: String
    ) {
        self.id = id
        self.level = level
        self.isAudit = isAudit
        self.explanation = explanation
        self.personText = personText
        self.remedy = remedy
    }
}

extension MessageCode: Hashable {
    package static func == (left: Self, right: Self) -> Bool { left.id == right.id }

    package func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

extension MessageCode: CustomStringConvertible {
    package var description: String { id }
}
