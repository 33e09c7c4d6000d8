import SharedConfig

/// What a watch tells.
package enum PodEvent: Sendable, Hashable {
    case changed(Pod)
    case deleted(Pod)
    /// Nothing happened until this version of the world.
    case bookmark(version: String)
    /// The watch cannot go on; 410 wants a new start from what is now.
    case failed(ClusterRefusal)

    /// Reads one line of a watch's reply.
    init(line: [UInt8]) throws(ClusterFault) {
        let tree: ConfigTree
        do {
            tree = try JSONTree.parse(line).tree
        } catch {
            throw .malformed("an event that is no JSON")
        }
        let object = tree["object"] ?? .null
        switch tree.text("type") {
        case "ADDED", "MODIFIED": self = .changed(Pod(object))
        case "DELETED": self = .deleted(Pod(object))
        case "BOOKMARK": self = .bookmark(version: Pod(object).version)
        case "ERROR":
            self = .failed(
                ClusterRefusal(
                    status: (object["code"] ?? .null).wholeNumber ?? 500,
                    reason: object.text("reason"),
                    message: String(object.text("message").prefix(500))
                )
            )
        default: throw .malformed("an event of no known type")
        }
    }
}
