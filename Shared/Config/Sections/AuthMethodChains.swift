/// An SSH authentication method by its name on the wire, in the order in which clients should try
/// them.
package enum AuthMethod: String, ConfigChoice {
    case publicKey = "publickey"
    case password
    case keyboardInteractive = "keyboard-interactive"
    case gssapi = "gssapi-with-mic"
}

/// Which methods must succeed one after the other: a list of methods, or a list of such lists of
/// which one is enough (sshd_config(5), AuthenticationMethods).
package struct AuthMethodChains: ConfigValue {
    /// Empty: any single method is enough.
    package var chains: [[AuthMethod]]

    package init(_ chains: [[AuthMethod]] = []) { self.chains = chains }

    package static var shape: ConfigShape { .list }

    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Self? {
        if case .list(let items) = tree, case .list? = items.first {
            return [[AuthMethod]].read(tree, at: path, problems: &problems).map { Self($0) }
        }
        let single = [AuthMethod].read(tree, at: path, problems: &problems)
        return single.map { Self($0.isEmpty ? [] : [$0]) }
    }

    package func tree(showSecrets: Bool) -> ConfigTree {
        chains.count == 1
            ? chains[0].tree(showSecrets: showSecrets) : chains.tree(showSecrets: showSecrets)
    }

    /// What may be tried after `done`; nothing is left for a chain that is done or left.
    package func next(after done: [AuthMethod]) -> [AuthMethod] {
        AuthMethod.allCases.filter { method in
            chains.contains { $0.count > done.count && $0.starts(with: done + [method]) }
        }
    }

    /// Whether one chain is done; any method does where there is none.
    package func isComplete(_ done: [AuthMethod]) -> Bool {
        chains.isEmpty ? !done.isEmpty : chains.contains(done)
    }
}
