import FoundationEssentials

/// The directory (LDAP, RFC 4511) that authd asks about people; without `servers` there is none.
package struct AuthdLDAPConfig: ConfigSection {
    /// Who is asked first about a password.
    package enum Order: String, ConfigChoice {
        case store
        case ldap
    }

    /// `ldap://host:port` or `ldaps://host:port`; later ones are asked when earlier ones fail.
    package var servers: [String] = []
    /// Whether connections to `ldap://` are encrypted before anything else is said.
    package var startTLS = false
    package var caCertificate = PEMSource()
    /// Lets passwords travel unencrypted to another machine.
    package var allowInsecure = false
    /// The account that looks people up; without it that happens anonymously.
    package var bindDN = ""
    package var bindPassword = Secret()
    package var bindPasswordFile = ""
    package var base = ""
    /// `{username}` stands for what was typed, `{dn}` for the person's distinguished name.
    package var userFilter = "(uid={username})"
    /// Where set, a person's distinguished name, without a search.
    package var userDN = ""
    package var usernameAttribute = "uid"
    /// Whom the passwords of unknown people are tried on; by default somebody who does not exist.
    package var decoyDN = ""
    /// Where groups are; with `memberOf` others do not count.
    package var groupBase = ""
    /// Finds a person's groups; without it the attribute `memberOf` has them.
    package var groupFilter = ""
    package var groupAttribute = "cn"
    package var nestedGroups = false
    package var requiredGroup = ""
    /// The attribute with public keys, such as `sshPublicKey`; empty: keys are the store's only.
    package var keysAttribute = ""
    /// Metadata and environment variables by name, each with the attribute that it has.
    package var metadata: [String: String] = [:]
    package var environment: [String: String] = [:]
    package var order = Order.store
    /// Whether the directory checks passwords, or is only asked who people are.
    package var passwords = true
    /// Whether those whom the store lets in must be in the directory too.
    package var requireEntry = false
    package var connectTimeout: Duration = .seconds(1)
    package var timeout: Duration = .seconds(3)
    /// How long a server that has failed is left out while there are others.
    package var retryAfter: Duration = .seconds(10)
    /// Passwords that are checked at the same time.
    package var threads = 8
    /// Passwords that wait; more are refused with status 503.
    package var waiting = 256

    package init() {}

    package var isUsed: Bool { !servers.isEmpty }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("servers", &servers)
        visitor.field("startTLS", &startTLS)
        visitor.field("cacert", &caCertificate)
        visitor.field("allowInsecure", &allowInsecure)
        visitor.field("bindDN", &bindDN)
        visitor.field("bindPassword", &bindPassword)
        visitor.field("bindPasswordFile", &bindPasswordFile)
        visitor.field("base", &base)
        visitor.field("userFilter", &userFilter)
        visitor.field("userDN", &userDN)
        visitor.field("usernameAttribute", &usernameAttribute)
        visitor.field("decoyDN", &decoyDN)
        visitor.field("groupBase", &groupBase)
        visitor.field("groupFilter", &groupFilter)
        visitor.field("groupAttribute", &groupAttribute)
        visitor.field("nestedGroups", &nestedGroups)
        visitor.field("requiredGroup", &requiredGroup)
        visitor.field("keysAttribute", &keysAttribute)
        visitor.field("metadata", &metadata)
        visitor.field("environment", &environment)
        visitor.field("order", &order)
        visitor.field("passwords", &passwords)
        visitor.field("requireEntry", &requireEntry)
        visitor.field("connectTimeout", &connectTimeout)
        visitor.field("timeout", &timeout)
        visitor.field("retryAfter", &retryAfter)
        visitor.field("threads", &threads)
        visitor.field("waiting", &waiting)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        checkServers(&list)
        checkAccount(&list)
        checkSearches(&list)
        checkAttributes(&list)
        list.check("connectTimeout", connectTimeout, atLeast: .milliseconds(100))
        list.check("timeout", timeout, atLeast: .milliseconds(100))
        list.check("retryAfter", retryAfter, atLeast: .seconds(1))
        list.check("threads", threads, in: 1...256)
        list.check("waiting", waiting, in: 1...100_000)
        return list.problems
    }

    private func checkServers(_ list: inout Rules) {
        for (index, text) in servers.enumerated() {
            let key = "servers[\(index)]"
            let url = URL(string: text)
            let isEncrypted = url?.scheme == "ldaps"
            let host = url?.host() ?? ""
            let isURL = isEncrypted || url?.scheme == "ldap"
            list.check(
                isURL && !host.isEmpty && ["", "/"].contains(url?.path() ?? ""),
                key,
                "\"\(text)\"",
                "must be ldap://host:port or ldaps://host:port"
            )
            list.check(
                !isEncrypted || !startTLS,
                key,
                "\"\(text)\"",
                "is encrypted from the start: startTLS is for ldap:// only"
            )
            let isLocal = host == "::1" || ListenAddress("\(host):389")?.isLocal ?? false
            list.check(
                !isURL || isEncrypted || startTLS || allowInsecure || isLocal,
                key,
                "\"\(text)\"",
                "would get passwords unencrypted: use ldaps://, startTLS, or allowInsecure: true"
            )
        }
    }

    private func checkAccount(_ list: inout Rules) {
        list.check(
            bindPassword.isEmpty || bindPasswordFile.isEmpty,
            "bindPasswordFile",
            nil,
            "and bindPassword must not be set together"
        )
        let hasPassword = !bindPassword.isEmpty || !bindPasswordFile.isEmpty
        list.check(
            hasPassword != bindDN.isEmpty,
            "bindDN",
            nil,
            "and bindPassword or bindPasswordFile must be set together"
        )
    }

    private func checkSearches(_ list: inout Rules) {
        let name = "{username}"
        if userDN.isEmpty {
            list.checkSet("base", base)
            list.check(userFilter.contains(name), "userFilter", userFilter, "must have \(name)")
        } else {
            list.check(userDN.contains(name), "userDN", userDN, "must have \(name)")
        }
        for (key, filter) in [("userFilter", userFilter), ("groupFilter", groupFilter)] {
            list.check(isFilter(filter), key, filter, "must be a filter in parentheses (RFC 4515)")
        }
        guard !groupFilter.isEmpty else { return }
        list.checkSet("groupBase", groupBase)
        let hasPerson = groupFilter.contains("{dn}") || groupFilter.contains(name)
        list.check(hasPerson, "groupFilter", groupFilter, "must have {dn} or \(name)")
        list.check(
            !nestedGroups || groupFilter.contains("{dn}") && !groupFilter.contains(name),
            "nestedGroups",
            nil,
            "needs a groupFilter with {dn} alone, which is also asked for groups"
        )
    }

    /// Parentheses that match; empty for none.
    private func isFilter(_ text: String) -> Bool {
        guard !text.isEmpty else { return true }
        var depth = 0
        for (index, character) in text.enumerated() {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if depth < 0 || depth == 0 && index < text.count - 1 { return false }
        }
        return depth == 0 && text.hasPrefix("(")
    }

    private func checkAttributes(_ list: inout Rules) {
        var attributes = [
            ("usernameAttribute", usernameAttribute), ("groupAttribute", groupAttribute),
        ]
        if !keysAttribute.isEmpty { attributes.append(("keysAttribute", keysAttribute)) }
        attributes += metadata.map { ("metadata.\($0.key)", $0.value) }
        attributes += environment.map { ("environment.\($0.key)", $0.value) }
        for (key, attribute) in attributes {
            let isName =
                attribute.first?.isLetter ?? false
                && attribute.utf8.count <= 128
                && attribute.allSatisfy {
                    $0.isASCII && ($0.isLetter || $0.isNumber || "-;".contains($0))
                }
            list.check(isName, key, "\"\(attribute)\"", "must be the name of an attribute")
        }
        list.check(
            metadata["groups"] == nil,
            "metadata.groups",
            nil,
            "is where the groups are"
        )
        list.check(metadata.count + environment.count <= 32, "metadata", nil, "is too long")
    }
}
