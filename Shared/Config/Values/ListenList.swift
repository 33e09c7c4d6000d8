/// Where a server listens: one address, or a list of several; in one text with commas between.
package struct ListenList: ConfigValue, Hashable, ExpressibleByStringLiteral {
    /// As they are written.
    package var texts: [String]

    package init(_ texts: [String]) {
        self.texts = texts
    }

    package init(stringLiteral text: String) {
        self.init([text])
    }

    /// The addresses that can be read; all of them where the section's rules are kept.
    package var addresses: [ListenAddress] { texts.compactMap(ListenAddress.init) }

    /// The first one: what tells this process from others of its machine.
    package var name: String { texts.first ?? "" }

    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> ListenList? {
        if case .list = tree {
            return [String].read(tree, at: path, problems: &problems).map(ListenList.init)
        }
        return String.read(tree, at: path, problems: &problems).map {
            ListenList($0.split(separator: ",", omittingEmptySubsequences: false).map(String.init))
        }
    }

    package func tree(showSecrets: Bool) -> ConfigTree {
        texts.count == 1 ? .string(texts[0]) : texts.tree(showSecrets: showSecrets)
    }

    /// What is wrong with it as the value of `key`.
    func problems(at path: String) -> [ConfigProblem] {
        guard !texts.isEmpty else { return [ConfigProblem(path, "must not be empty")] }
        var problems: [ConfigProblem] = []
        for (index, text) in texts.enumerated() {
            let place = texts.count == 1 ? path : "\(path)[\(index)]"
            if ListenAddress(text) == nil {
                let rule = "must be host:port or unix:///path"
                problems.append(ConfigProblem(place, value: text, rule))
            } else if texts[..<index].contains(text) {
                problems.append(ConfigProblem(place, value: text, "is there twice"))
            }
        }
        return problems
    }
}
