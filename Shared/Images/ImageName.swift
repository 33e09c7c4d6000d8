/// The name of an image in the store: a path with a tag, such as `team/debian:12`.
///
/// A name without a tag has the tag `latest`.
package struct ImageName: Sendable, Hashable, CustomStringConvertible {
    /// With its tag.
    package let description: String

    /// Longer ones make file names that some file systems refuse.
    private static let maximumLength = 200
    private static let marks: Set<UInt8> = [
        UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "/"),
    ]

    /// `nil` for what is no name: other characters than letters, digits and `. _ - / :`, an empty
    /// part, or one that begins with a mark.
    package init?(_ text: String) {
        let halves = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(halves.count), text.utf8.count <= Self.maximumLength else {
            return nil
        }
        let parts = halves[0].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy(Self.isPart), halves.dropFirst().allSatisfy(Self.isPart) else {
            return nil
        }
        description = halves.count == 2 ? text : text + ":latest"
        // The tag has no slash: it would be one of the path.
        if let tag = halves.dropFirst().first, tag.utf8.contains(UInt8(ascii: "/")) { return nil }
    }

    private static func isPart(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isAlphanumeric(first) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || marks.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// `~` is in no name.
    var fileName: String { description.replacing("/", with: "~") + ".json" }
}
