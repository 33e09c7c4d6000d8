/// A line of text in a recording that was found.
package struct RecordedLine: Sendable, Hashable, Codable {
    /// 32 lower-case hexadecimal digits.
    package var recording: String
    /// `screen`: it was shown; `command`: it was run.
    package var kind: String
    package var text: String
    /// Nanoseconds since the Unix epoch.
    package var at: Int64
    /// Seconds since the recording began.
    package var offset: Double

    package init(recording: String, kind: String, text: String, at: Int64, offset: Double) {
        self.recording = recording
        self.kind = kind
        self.text = text
        self.at = at
        self.offset = offset
    }
}

/// A part of the lines that were found.
package struct RecordedLines: Sendable, Hashable, Codable {
    package var lines: [RecordedLine]
    /// To be given as `cursor` for what follows; `nil` at the end.
    package var next: String?

    package init(lines: [RecordedLine], next: String?) {
        self.lines = lines
        self.next = next
    }
}
