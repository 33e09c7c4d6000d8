import Logging
import SharedConfig
import SharedLogging
import SharedMessages
import SharedModels

/// Finds people and their groups in the directory. Every call may block.
struct LDAPPeople: Sendable {
    private let config: AuthdLDAPConfig
    private let connections: LDAPConnections
    private let logger: Logger

    /// Of one person; nobody is let in with fewer than they have.
    private static let mostGroups = 1000
    /// Of the groups' names together, in bytes: they travel in headers and states.
    private static let longestGroups = 16 * 1024
    private static let mostKeys = 100
    private static let longestValue = 4096
    /// How deep groups may be in groups.
    private static let deepest = 16
    /// For the groups of one person, however many searches that takes.
    private static let longestSearch = Duration.seconds(10)

    /// Why an entry lets nobody in.
    private struct Unusable: Error {
        let reason: String
    }

    init(_ config: AuthdLDAPConfig, _ connections: LDAPConnections, _ logger: Logger) {
        self.config = config
        self.connections = connections
        self.logger = logger
    }

    /// Throws `AUTHD_LDAP_UNAVAILABLE`.
    func check(_ password: [UInt8], of username: String) throws -> LDAPDirectory.Answer {
        do {
            let known = knownName(username)
            let entry = known == nil ? try find(entry: username) : nil
            guard let name = known ?? entry?.name else {
                try waste()
                return .unknown
            }
            try connections.ask(.person) { connection throws(LDAPFailure) in
                try connection.bind(name, password)
            }
            guard let entry = try entry ?? ownEntry(name, username, password) else {
                return .refused(.init(reason: "no entry that the filter finds"))
            }
            guard let person = try person(entry, username) else {
                return .refused(.init(reason: "not in the group \(config.requiredGroup)"))
            }
            return .right(person)
        } catch let failure as LDAPFailure {
            return .refused(refusal(failure))
        } catch let unusable as Unusable {
            return .refused(noted(unusable, username))
        }
    }

    /// Does the work of a wrong password.
    func waste(_ username: String) throws {
        if knownName(username) == nil { _ = try look(search(for: username)) }
        try waste()
    }

    /// `nil` for nobody, and for those who may not log in. Throws `AUTHD_LDAP_UNAVAILABLE`.
    func find(_ username: String) throws -> LDAPPerson? {
        do {
            return try find(entry: username).flatMap { try person($0, username) }
        } catch let unusable as Unusable {
            _ = noted(unusable, username)
            return nil
        }
    }

    // MARK: - Passwords

    /// A bind that cannot succeed: a password that nobody has.
    private func waste() throws {
        let nobody = "uid=nobody-\(UInt64.random(in: 0...UInt64.max)),\(config.base)"
        let name = config.decoyDN.isEmpty ? nobody : config.decoyDN
        let password = (0..<16).map { _ in UInt8.random(in: 0x21...0x7E) }
        do {
            try connections.ask(.person) { connection throws(LDAPFailure) in
                try connection.bind(name, password)
            }
        } catch is LDAPFailure {
            // As it should be.
        }
    }

    /// Without a search a person has the name that the template makes.
    private func knownName(_ username: String) -> String? {
        guard config.bindDN.isEmpty, !config.userDN.isEmpty else { return nil }
        return LDAPText.name(config.userDN, username: username)
    }

    /// A person's entry, read by the person: strangers may not have been shown it.
    private func ownEntry(
        _ name: String,
        _ username: String,
        _ password: [UInt8]
    ) throws -> LDAPEntry? {
        let search = search(for: username)
        return try connections.ask(.person) { connection throws(LDAPFailure) in
            try connection.bind(name, password)
            return try connection.find(search).entries.first
        }
    }

    /// What the policy says is only told where servers say it to those with the right password.
    private func refusal(_ failure: LDAPFailure) -> PasswordSources.Refusal {
        guard case .refused(let text, let policy) = failure else {
            return .init(reason: failure.text)
        }
        // Active Directory has its own way to say so: data 532 and 773 (MS-ADTS §5.1.1.1.1).
        let isExpired =
            policy == .passwordExpired || policy == .changeAfterReset
            || text.contains("data 532,") || text.contains("data 773,")
        guard isExpired else {
            return .init(reason: policy == .accountLocked ? "account is locked" : text)
        }
        let code = MessageCode.authdLDAPPasswordExpired
        logger.emit(code, [LogLabel.reason: .string(text)])
        return .init(reason: "password has expired", text: code.personText ?? "")
    }

    // MARK: - Entries

    private func find(entry username: String) throws -> LDAPEntry? {
        let found = try look(search(for: username))
        guard found.entries.count < 2 else { throw Unusable(reason: "several entries") }
        return found.entries.first
    }

    private func search(for username: String) -> LDAPConnection.Search {
        let name = LDAPText.name(config.userDN, username: username)
        let isKnown = !config.userDN.isEmpty
        var attributes = [config.usernameAttribute, config.keysAttribute]
        attributes += Array(config.metadata.values) + Array(config.environment.values)
        if config.groupFilter.isEmpty { attributes.append(Self.memberOf) }
        return LDAPConnection.Search(
            base: isKnown ? name : config.base,
            isSubtree: !isKnown,
            filter: LDAPText.filter(config.userFilter, username: username, dn: name),
            attributes: Array(Set(attributes.filter { !$0.isEmpty })),
            most: 2
        )
    }

    /// `nil` for somebody outside of the required group.
    ///
    /// Only the directory's own spelling of a name counts: otherwise `ALICE` would have what the
    /// store does not let `alice` have.
    private func person(_ entry: LDAPEntry, _ username: String) throws -> LDAPPerson? {
        let names = entry.texts(config.usernameAttribute)
        guard names.count == 1 else {
            throw Unusable(reason: "\(names.count) values of \(config.usernameAttribute)")
        }
        let groups = try groups(of: entry, names[0])
        guard config.requiredGroup.isEmpty || groups.contains(config.requiredGroup) else {
            return nil
        }
        var said = Person.Said()
        said.groups = groups
        for (name, attribute) in config.metadata {
            said.metadata[name] = value(entry, attribute)
        }
        for (name, attribute) in config.environment {
            said.environment[name] = value(entry, attribute)
        }
        let keys = config.keysAttribute.isEmpty ? [] : entry.texts(config.keysAttribute)
        return LDAPPerson(name: names[0], keys: Array(keys.prefix(Self.mostKeys)), said: said)
    }

    private func value(_ entry: LDAPEntry, _ attribute: String) -> MetadataValue? {
        entry.texts(attribute).first
            .flatMap { $0.utf8.count <= Self.longestValue ? MetadataValue($0) : nil }
    }

    // MARK: - Groups

    private static let memberOf = "memberOf"

    /// The names of a person's groups, sorted.
    private func groups(of entry: LDAPEntry, _ username: String) throws -> [String] {
        let latest = ContinuousClock.now + Self.longestSearch
        var names: Set<String> = []
        var seen: Set<String> = []
        var members = [entry]
        for _ in 0..<(config.nestedGroups ? Self.deepest : 1) {
            var next: [LDAPEntry] = []
            for group in try members.flatMap({ try groups(with: $0, username, by: latest) }) {
                guard let name = LDAPName(group.name), seen.insert(name.normalized).inserted else {
                    continue
                }
                names.formUnion(words(group, name))
                next.append(group)
                guard seen.count <= Self.mostGroups else {
                    throw Unusable(reason: "too many groups")
                }
            }
            members = next
            if members.isEmpty { break }
        }
        let sorted = names.sorted()
        guard sorted.reduce(0, { $0 + $1.utf8.count + 1 }) <= Self.longestGroups else {
            throw Unusable(reason: "too many groups")
        }
        return sorted
    }

    /// A group's names as rules see them: words, so blanks become `_`.
    private func words(_ group: LDAPEntry, _ name: LDAPName) -> [String] {
        let own = config.groupFilter.isEmpty ? [name.first] : group.texts(config.groupAttribute)
        return own.filter { !$0.isEmpty && $0.utf8.count <= 256 }
            .map { String($0.map { $0.isWhitespace ? "_" : $0 }) }
    }

    /// The groups that have the entry as a member, one level up.
    private func groups(
        with member: LDAPEntry,
        _ username: String,
        by latest: ContinuousClock.Instant
    ) throws -> [LDAPEntry] {
        guard config.groupFilter.isEmpty else {
            return try find(
                LDAPConnection.Search(
                    base: config.groupBase,
                    isSubtree: true,
                    filter: LDAPText.filter(
                        config.groupFilter,
                        username: username,
                        dn: member.name
                    ),
                    attributes: [config.groupAttribute],
                    most: Self.mostGroups
                ),
                by: latest
            )
        }
        let base = config.groupBase.isEmpty ? nil : LDAPName(config.groupBase)
        let names = member.texts(Self.memberOf)
        guard names.count <= Self.mostGroups else { throw Unusable(reason: "too many groups") }
        let groups = names.filter { text in
            guard let name = LDAPName(text) else { return false }
            return base.map(name.isBelow) ?? true
        }
        guard config.nestedGroups else { return groups.map { LDAPEntry(name: $0) } }
        return try groups.flatMap { name in
            let found = try find(
                LDAPConnection.Search(
                    base: name,
                    isSubtree: false,
                    filter: "(objectClass=*)",
                    attributes: [Self.memberOf],
                    most: 1
                ),
                by: latest
            )
            // One that cannot be read is a group all the same.
            return found.isEmpty ? [LDAPEntry(name: name)] : found
        }
    }

    private func find(
        _ search: LDAPConnection.Search,
        by latest: ContinuousClock.Instant
    ) throws -> [LDAPEntry] {
        guard ContinuousClock.now < latest else {
            throw CodedError(.authdLDAPUnavailable, detail: "groups take too long")
        }
        let found = try look(search)
        guard !found.isTruncated else { throw Unusable(reason: "too many groups") }
        return found.entries
    }

    /// What the service itself may not see is a fault of the configuration, not of the person.
    private func look(_ search: LDAPConnection.Search) throws -> LDAPConnection.Found {
        do {
            return try connections.ask(.service) { connection throws(LDAPFailure) in
                try connection.find(search)
            }
        } catch let failure as LDAPFailure {
            throw CodedError(.authdLDAPUnavailable, detail: failure.text, isRetryable: true)
        }
    }

    /// Somebody has to look at the directory.
    private func noted(_ unusable: Unusable, _ username: String) -> PasswordSources.Refusal {
        logger.emit(
            .authdLDAPEntryUnusable,
            [
                LogLabel.username: .string(username), LogLabel.reason: .string(unusable.reason),
            ]
        )
        return .init(reason: unusable.reason)
    }
}
