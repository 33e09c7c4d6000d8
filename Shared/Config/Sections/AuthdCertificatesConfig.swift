/// What authd's certificate authority certifies.
package struct AuthdCertificatesConfig: ConfigSection {
    /// How long a certificate is good if nobody asks for less or more.
    package var lifetime: Duration = .seconds(8 * 3600)
    /// The longest that anybody may ask for.
    package var maximumLifetime: Duration = .seconds(24 * 3600)
    /// The longest for the members of a group; the shortest of a user's groups counts.
    package var groupLifetimes: [String: Duration] = [:]
    /// What certificates permit (ssh-keygen(1), `-O`).
    package var extensions = [
        "permit-pty", "permit-port-forwarding", "permit-agent-forwarding", "permit-X11-forwarding",
    ]
    /// Whether a certificate is good only from the address that it was asked for from.
    package var bindAddress = false
    /// How long a certificate of a host is good if nobody says otherwise.
    package var hostLifetime: Duration = .seconds(90 * 86_400)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("lifetime", &lifetime)
        visitor.field("maximumLifetime", &maximumLifetime)
        visitor.field("groupLifetimes", &groupLifetimes)
        visitor.field("extensions", &extensions)
        visitor.field("bindAddress", &bindAddress)
        visitor.field("hostLifetime", &hostLifetime)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        let shortest = Duration.seconds(60)
        list.check("lifetime", lifetime, atLeast: shortest)
        list.check("maximumLifetime", maximumLifetime, atLeast: lifetime)
        list.check("hostLifetime", hostLifetime, atLeast: shortest)
        for (group, lifetime) in groupLifetimes {
            list.check("groupLifetimes.\(group)", lifetime, atLeast: shortest)
        }
        for (index, name) in extensions.enumerated() {
            list.check(
                !name.isEmpty && name.utf8.count <= 256 && name.utf8.allSatisfy { $0 > 0x20 },
                "extensions[\(index)]",
                "\"\(name)\"",
                "must be the name of an extension"
            )
        }
        list.check(Set(extensions).count == extensions.count, "extensions", nil, "names one twice")
        return list.problems
    }
}

/// Where people get certificates with `berth login`.
package struct AuthdLoginConfig: ConfigSection {
    package var enable = false
    package var server = HTTPServerConfig(listen: "127.0.0.1:7011")

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("enable", &enable)
        server.visit(&visitor)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        server.internalProblems(at: path)
    }
}
