/// A value that an auth or config webhook attached to a connection.
package struct MetadataValue: Sendable, Hashable, Codable {
    package var value: String
    /// Whether the value is kept from services that do not need it.
    package var sensitive: Bool

    package init(_ value: String, sensitive: Bool = false) {
        self.value = value
        self.sensitive = sensitive
    }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        value = try box.decodeIfPresent(String.self, forKey: .value) ?? ""
        sensitive = try box.decodeIfPresent(Bool.self, forKey: .sensitive) ?? false
    }
}

/// A file that a webhook wants in the workspace.
package struct BinaryMetadataValue: Sendable, Hashable, Codable {
    /// The content: standard base64 with padding (RFC 4648 §4).
    package var value: String
    package var sensitive: Bool

    package init(base64 value: String, sensitive: Bool = false) {
        self.value = value
        self.sensitive = sensitive
    }

    package init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        value = try box.decodeIfPresent(String.self, forKey: .value) ?? ""
        sensitive = try box.decodeIfPresent(Bool.self, forKey: .sensitive) ?? false
    }
}

/// What webhooks have said about a connection so far; later answers win per key.
package struct ConnectionMetadata: Sendable, Hashable {
    package var metadata: [String: MetadataValue]
    package var environment: [String: MetadataValue]
    /// Keyed by the path inside the workspace.
    package var files: [String: BinaryMetadataValue]

    package init(
        metadata: [String: MetadataValue] = [:],
        environment: [String: MetadataValue] = [:],
        files: [String: BinaryMetadataValue] = [:]
    ) {
        self.metadata = metadata
        self.environment = environment
        self.files = files
    }

    /// Lays `later` over this: per key, the later value wins and no key is removed.
    package mutating func merge(_ later: ConnectionMetadata) {
        metadata.merge(later.metadata) { _, new in new }
        environment.merge(later.environment) { _, new in new }
        files.merge(later.files) { _, new in new }
    }
}
