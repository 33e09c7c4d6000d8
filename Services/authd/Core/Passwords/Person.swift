import AuthClient
import Foundation
import SharedModels

/// Somebody who has proved who they are.
struct Person: Sendable, Hashable {
    var name: String
    /// What the store has under that name; `nil` for somebody whom only another source knows.
    var account: Account?
    /// What other sources than the store say about them.
    var said = Said()

    struct Said: Codable, Sendable, Hashable {
        var groups: [String] = []
        var metadata: [String: MetadataValue] = [:]
        var environment: [String: MetadataValue] = [:]
        /// Keyed by the path inside the workspace.
        var files: [String: BinaryMetadataValue] = [:]

        /// What was there already wins, but for the groups, which are both.
        mutating func merge(_ other: Said) {
            groups = Set(groups + other.groups).sorted()
            metadata.merge(other.metadata) { old, _ in old }
            environment.merge(other.environment) { old, _ in old }
            files.merge(other.files) { old, _ in old }
        }
    }

    init(_ account: Account, said: Said = Said()) {
        name = account.name
        self.account = account
        self.said = said
    }

    init(name: String, account: Account?, said: Said = Said()) {
        self.name = name
        self.account = account
        self.said = said
    }

    var hasSecondFactor: Bool { account?.hasSecondFactor ?? false }

    /// Whether they may log in under `name`: their own, or one that the store gives them.
    func mayLogIn(as name: String) -> Bool {
        name == self.name || account?.mayLogIn(as: name) ?? false
    }

    /// What an acceptance tells the gateway. What the store says wins, but for the groups, which
    /// are those of all sources.
    var carried: ConnectionMetadata {
        var carried = ConnectionMetadata(
            metadata: said.metadata,
            environment: said.environment,
            files: said.files
        )
        var account = account
        let groups = Set((account?.groups ?? []) + said.groups)
        account?.groups = []
        if let account { carried.merge(account.carried) }
        carried.groups = groups.sorted()
        return carried
    }
}

extension ConnectionMetadata {
    /// Words of one value, under the name that configd's rules look at.
    var groups: [String] {
        get { (metadata["groups"]?.value ?? "").split(separator: " ").map(String.init) }
        set {
            guard !newValue.isEmpty else { return }
            metadata["groups"] = MetadataValue(newValue.joined(separator: " "))
        }
    }
}

extension Account {
    /// Why nobody may log in to the account at all; `nil` for one that is open.
    var closed: Authority.Reason? {
        if isDisabled { return .disabled }
        return hasExpired(at: Int(Date.now.timeIntervalSince1970)) ? .expired : nil
    }
}
