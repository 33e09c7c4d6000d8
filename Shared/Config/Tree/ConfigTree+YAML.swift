import Yams

/// A tree whose keys have an order, as a dump has them.
package indirect enum OrderedTree: Sendable {
    case value(ConfigTree)
    case list([OrderedTree])
    case map([(key: String, value: OrderedTree)])

    /// The same without the order.
    package var tree: ConfigTree {
        switch self {
        case .value(let tree): tree
        case .list(let items): .list(items.map(\.tree))
        case .map(let members):
            .map(Dictionary(members.map { ($0.key, $0.value.tree) }) { _, last in last })
        }
    }

    /// YAML that reads back as this tree.
    package func yaml() throws -> String {
        // -1: lines are never folded.
        try Yams.serialize(node: node, indent: 4, width: -1, allowUnicode: true)
    }

    private var node: Node {
        switch self {
        case .value(let tree): tree.node
        case .list(let items): Node(items.map(\.node))
        case .map(let members): Node(members.map { (Node($0.key), $0.value.node) })
        }
    }
}

extension ConfigTree {
    fileprivate var node: Node {
        switch self {
        case .null: Node("null", Tag(.null))
        case .bool(let value): Node("\(value)", Tag(.bool))
        case .integer(let value): Node("\(value)", Tag(.int))
        case .double(let value): Node("\(value)", Tag(.float))
        case .string(let text): Node(text, Tag(.str), Self.style(of: text))
        case .list(let items): Node(items.map(\.node), Tag(.seq), items.isEmpty ? .flow : .block)
        case .map(let map):
            Node(
                map.sorted { $0.key < $1.key }.map {
                    (ConfigTree.string($0.key).node, $0.value.node)
                },
                Tag(.map),
                map.isEmpty ? .flow : .block
            )
        }
    }

    /// Quotes what another reader could take for something else than a string.
    private static func style(of text: String) -> Node.Scalar.Style {
        if text.contains("\n") { return .literal }
        let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
        let isName = text.first?.isLetter == true || text.first == "/"
        return isName && !words.contains(text.lowercased()) ? .any : .doubleQuoted
    }
}
