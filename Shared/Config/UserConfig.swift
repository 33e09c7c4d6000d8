package import SharedMessages

/// The part of the configuration that a reply of the config webhook can change for one person.
package struct UserConfig: ConfigSection {
    package var security = SecurityConfig()
    package var backend = BackendKind.docker
    package var docker = DockerConfig()
    package var kubernetes = KubernetesConfig()
    package var sshproxy = SSHProxyConfig()
    package var sandbox = SandboxConfig()
    package var oci = OCIConfig()
    package var limits = UserLimitsConfig()
    package var log = UserLogConfig()
    package var audit = UserAuditConfig()
    /// Key paths of the reply that exist but cannot be set for one person; they did nothing.
    package var ignoredKeys: [String] = []

    package init() {}

    /// What everyone gets whom the webhook does not treat differently.
    init(_ config: BerthConfig) {
        security = config.security
        backend = config.backend
        docker = config.docker
        kubernetes = config.kubernetes
        sshproxy = config.sshproxy
        sandbox = config.sandbox
        oci = config.oci
        limits = UserLimitsConfig(config.limits)
        log.level = config.log.level
        audit.delivery = config.audit.delivery
    }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("security", &security)
        visitor.field("backend", &backend)
        visitor.section("docker", &docker, checked: backend == .docker)
        visitor.section("kubernetes", &kubernetes, checked: backend == .kubernetes)
        visitor.section("sshproxy", &sshproxy, checked: backend == .sshproxy)
        visitor.section("sandbox", &sandbox, checked: backend == .sandbox)
        visitor.section("oci", &oci, checked: backend == .oci)
        visitor.section("limits", &limits)
        visitor.section("log", &log)
        visitor.section("audit", &audit)
    }
}

/// Of `audit` what can differ from person to person.
package struct UserAuditConfig: ConfigSection {
    package var delivery = AuditConfig.Delivery.strict

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("delivery", &delivery)
    }
}

/// What a person may have at a time, and for how long.
package struct UserLimitsConfig: ConfigSection {
    package var perUser = PersonLimitsConfig()
    package var times = SessionTimesConfig()

    package init() {}

    init(_ limits: LimitsConfig) {
        perUser.connections = limits.perUser.connections
        perUser.sessions = limits.perUser.sessions
        times = limits.times
    }

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.section("perUser", &perUser)
        times.visit(&visitor)
    }

    package func problems(at path: String) -> [ConfigProblem] { times.problems(at: path) }
}

/// Of `limits.perUser` what can differ from person to person; 0 for no limit.
package struct PersonLimitsConfig: ConfigSection {
    package var connections = 0
    package var sessions = 0

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("connections", &connections)
        visitor.field("sessions", &sessions)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("connections", connections, in: 0...Int.max)
        list.check("sessions", sessions, in: 0...Int.max)
        return list.problems
    }
}

package struct UserLogConfig: ConfigSection {
    /// For the backend's records of this connection.
    package var level = MessageLevel.notice

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("level", &level)
    }
}

extension BerthConfig {
    /// The configuration of one connection: this one with the webhook's `config` object laid over
    /// it as a JSON Merge Patch (RFC 7396), where `null` means the default.
    ///
    /// `.null` stands for a reply without the object. Everything that is wrong with the result is
    /// reported together, what crosses the floor included.
    package func applying(reply: ConfigTree) throws(ConfigProblems) -> UserConfig {
        var problems: [ConfigProblem] = []
        let patch = UserPatch(reply, problems: &problems)
        let base = UserConfig(self)
        let tree = ConfigWriter.write(base, showSecrets: true).tree.merged(with: patch.tree)
        var user = UserConfig()
        problems += ConfigReader.read(tree, into: &user, at: "")
        let misread = Set(problems.map(\.path))
        problems += RuleChecker.problems(of: user, at: "").filter { !misread.contains($0.path) }
        problems += FloorCheck(floor).problems(of: user, comparedTo: base)
        guard problems.isEmpty else { throw ConfigProblems(problems) }
        user.ignoredKeys = patch.ignoredKeys
        return user
    }
}

/// The keys of a reply that count, in the spelling of the schema.
struct UserPatch {
    private(set) var tree: ConfigTree = [:]
    private(set) var ignoredKeys: [String] = []

    private static let userKeys = ConfigSchema.of(UserConfig()).keys ?? [:]

    init(_ reply: ConfigTree, problems: inout [ConfigProblem]) {
        guard case .map(let map) = ConfigDraft.schema.canonical(reply) else {
            if reply != .null {
                problems.append(ConfigProblem("", value: reply.summary, "must be a map"))
            }
            return
        }
        var kept = map
        for key in map.keys.sorted() where Self.userKeys[key] == nil {
            // Unknown keys stay, so that reading them reports them.
            guard ConfigDraft.schema.keys?[key] != nil else { continue }
            kept[key] = nil
            ignoredKeys.append(key)
        }
        if case .map(let log)? = kept["log"] {
            kept["log"] = keep("log", log, UserLogConfig(), of: LogConfig())
        }
        if case .map(let audit)? = kept["audit"] {
            kept["audit"] = keep("audit", audit, UserAuditConfig(), of: AuditConfig())
        }
        if case .map(let limits)? = kept["limits"] { kept["limits"] = keepPersonal(limits) }
        tree = .map(kept)
        canonicalizeDocker()
    }

    /// Keeps of a section what can differ from person to person, and what is unknown, so that it
    /// is reported.
    private mutating func keep(
        _ name: String,
        _ section: [String: ConfigTree],
        _ personal: some ConfigSection,
        of common: some ConfigSection
    ) -> ConfigTree {
        let personal = ConfigSchema.of(personal).keys ?? [:]
        let known = ConfigSchema.of(common).keys ?? [:]
        var kept = section
        for key in section.keys.sorted() where personal[key] == nil && known[key] != nil {
            kept[key] = nil
            ignoredKeys.append("\(name).\(key)")
        }
        return .map(kept)
    }

    private mutating func keepPersonal(_ limits: [String: ConfigTree]) -> ConfigTree {
        let common = ConfigSchema.of(LimitsConfig())
        let personal = ConfigSchema.of(UserLimitsConfig())
        guard
            case .map(var kept) = keep("limits", limits, UserLimitsConfig(), of: LimitsConfig())
        else { return .map(limits) }
        guard case .map(var perUser)? = kept["perUser"] else { return .map(kept) }
        for key in perUser.keys.sorted() where personal.keys?["perUser"]?.keys?[key] == nil {
            guard common.keys?["perUser"]?.keys?[key] != nil else { continue }
            perUser[key] = nil
            ignoredKeys.append("limits.perUser.\(key)")
        }
        kept["perUser"] = .map(perUser)
        return .map(kept)
    }

    private mutating func canonicalizeDocker() {
        let objects: [(String, DockerObject)] = [
            ("container", .container), ("host", .host), ("network", .network),
            ("platform", .platform),
        ]
        for (key, object) in objects {
            let path = ["docker", "execution", key]
            guard let value = tree[path: path] else { continue }
            tree.set(object.canonical(value), at: path)
        }
    }
}
