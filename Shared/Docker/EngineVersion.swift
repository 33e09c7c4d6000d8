/// A version of the Engine API, as `1.41`.
package struct EngineVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var major: Int
    package var minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]),
            major >= 0, minor >= 0
        else { return nil }
        self.init(major, minor)
    }

    package var description: String { "\(major).\(minor)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    /// The newest that this client knows.
    static let newest = EngineVersion(1, 51)
    /// What an engine speaks that does not say (API 1.24 documentation, `/_ping`).
    static let unstated = EngineVersion(1, 24)
    /// From here on an exec can be created with its terminal's size.
    package static let withConsoleSize = EngineVersion(1, 42)
}
