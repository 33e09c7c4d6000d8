/// An entry of auditd's list of recordings.
package struct RecordingSummary: Sendable, Hashable, Codable {
    package enum State: String, Sendable, Hashable, Codable {
        /// The session runs.
        case open
        /// The gateway completed it.
        case finished
        /// The gateway vanished; auditd finished it with what it had.
        case interrupted
    }

    /// 32 lower-case hexadecimal digits.
    package var id: String
    package var facts: RecordingFacts
    package var state: State
    /// Nanoseconds since the Unix epoch; `nil` while it runs.
    package var endedAt: Int64?
    /// Bytes as recorded.
    package var size: UInt64
    /// The names under which it is stored, where that is in several parts; not in lists.
    package var parts: [String]?

    package init(
        id: String,
        facts: RecordingFacts,
        state: State,
        endedAt: Int64?,
        size: UInt64
    ) {
        self.id = id
        self.facts = facts
        self.state = state
        self.endedAt = endedAt
        self.size = size
    }
}

/// A part of the list, newest recording first.
package struct RecordingPage: Sendable, Hashable, Codable {
    package var recordings: [RecordingSummary]
    /// To be given as `cursor` for what follows; `nil` at the end.
    package var next: String?

    package init(recordings: [RecordingSummary], next: String?) {
        self.recordings = recordings
        self.next = next
    }
}
