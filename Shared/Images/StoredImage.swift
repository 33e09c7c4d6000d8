package import struct Foundation.Date

/// What the store knows of an image.
package struct StoredImage: Sendable, Hashable, Codable {
    /// With its tag.
    package var name: String
    /// SHA-256 of what describes the image, 64 hexadecimal digits: the same for the same content.
    package var id: String
    /// The layers, lowest first.
    package var layers: [Layer]
    package var settings: ImageSettings
    package var imported: Date

    package struct Layer: Sendable, Hashable, Codable {
        /// SHA-256 of the layer's uncompressed tar file, 64 hexadecimal digits.
        package var digest: String
        /// Bytes of its files.
        package var size: Int
    }

    /// Bytes of the files of all layers.
    package var size: Int { layers.reduce(0) { $0 + $1.size } }
}

/// How an image wants its programs to be run; the entry point and command of an image mean
/// nothing here.
package struct ImageSettings: Sendable, Hashable, Codable {
    /// `NAME=value`.
    package var environment: [String] = []
    /// `user`, `user:group`, by name or number; empty: root.
    package var user = ""
    /// Empty: the root directory.
    package var workingDirectory = ""

    package init() {}
}

/// The bounds of one import.
package struct ImageLimits: Sendable, Hashable {
    /// Bytes of an image's files, and of a tar file once uncompressed.
    package var bytes: Int
    /// Files, folders and links of an image.
    package var entries: Int

    package init(bytes: Int = 64 << 30, entries: Int = 4_000_000) {
        self.bytes = bytes
        self.entries = entries
    }

    /// More than the kernel stacks with room to spare (overlayfs takes 500), and what Docker takes.
    static let layers = 127
    /// Bytes of a JSON document of an image.
    static let document = 8 << 20
}
