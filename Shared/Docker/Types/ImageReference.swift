/// An image's name in the form that a pull wants: repository, and tag or digest.
package struct ImageReference: Sendable, Hashable {
    /// With its registry, as `docker.io/library/busybox`.
    package let name: String
    /// `latest` when none was given; a digest as `sha256:…`.
    package let tag: String

    package init(_ text: String) {
        let (path, tag) = Self.split(text)
        self.tag = tag
        let first = path.prefix { $0 != "/" }
        let hasDomain =
            path.contains("/")
            && (first.contains(".") || first.contains(":") || first == "localhost")
        if hasDomain {
            name = String(path)
        } else {
            name = "docker.io/" + (path.contains("/") ? "" : "library/") + path
        }
    }

    private static func split(_ text: String) -> (Substring, String) {
        if let at = text.firstIndex(of: "@") {
            let digest = String(text[text.index(after: at)...])
            // A tag beside a digest says nothing more.
            return (split(String(text[..<at])).0, digest)
        }
        guard let colon = text.lastIndex(of: ":"), !text[colon...].contains("/") else {
            return (text[...], "latest")
        }
        return (text[..<colon], String(text[text.index(after: colon)...]))
    }
}
