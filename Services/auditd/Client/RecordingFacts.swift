/// What is known of a recording without decoding it.
package struct RecordingFacts: Sendable, Hashable, Codable {
    /// The client's IP without port.
    package var remoteAddress: String
    /// Two letters, `XX` where unknown.
    package var country: String
    /// The login name; empty until it is known.
    package var username: String
    /// What the backend calls the connection's container; empty until there is one.
    package var container: String
    /// Nanoseconds since the Unix epoch.
    package var startedAt: Int64
    /// How it is encoded.
    package var format: RecordingFormat
    /// The span that it belongs to, as the header `traceparent` writes it; `nil` where nothing is
    /// traced.
    package var trace: String?

    package init(
        remoteAddress: String,
        country: String,
        username: String = "",
        container: String = "",
        startedAt: Int64,
        format: RecordingFormat = .binary,
        trace: String? = nil
    ) {
        self.remoteAddress = remoteAddress
        self.country = country
        self.username = username
        self.container = container
        self.startedAt = startedAt
        self.format = format
        self.trace = trace
    }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        remoteAddress = try box.decodeIfPresent(String.self, forKey: .remoteAddress) ?? ""
        country = try box.decodeIfPresent(String.self, forKey: .country) ?? "XX"
        username = try box.decodeIfPresent(String.self, forKey: .username) ?? ""
        container = try box.decodeIfPresent(String.self, forKey: .container) ?? ""
        startedAt = try box.decodeIfPresent(Int64.self, forKey: .startedAt) ?? 0
        format = try box.decodeIfPresent(RecordingFormat.self, forKey: .format) ?? .binary
        trace = try box.decodeIfPresent(String.self, forKey: .trace)
    }
}

/// How a recording is encoded.
package enum RecordingFormat: String, Sendable, Hashable, Codable {
    /// Recording format version 2.
    case binary
    /// asciicast: what the terminal showed, and nothing else.
    case asciinema
}
