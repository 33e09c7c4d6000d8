import SharedConfig

/// How a program in a pod ended, as the stream's status channel says it.
package enum ExecStatus: Sendable, Hashable {
    case exited(Int)
    /// It was not run, or what ran it failed; in these words.
    case failed(reason: String, message: String)

    /// Reads the `Status` object of the channel.
    init(_ bytes: [UInt8]) throws(ClusterFault) {
        let tree: ConfigTree
        do {
            tree = try JSONTree.parse(bytes).tree
        } catch {
            throw .malformed("a status that is no JSON")
        }
        guard tree.text("status") != "Success" else {
            self = .exited(0)
            return
        }
        let causes = (tree[path: ["details", "causes"]] ?? .null).elements
        let code = causes.first { $0.text("reason") == "ExitCode" }.flatMap {
            Int($0.text("message"))
        }
        if let code, tree.text("reason") == "NonZeroExitCode" {
            self = .exited(code)
        } else {
            self = .failed(
                reason: tree.text("reason"),
                message: String(tree.text("message").prefix(500))
            )
        }
    }
}
