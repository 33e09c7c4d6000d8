/// authd.
package struct AuthdConfig: ConfigSection {
    package var server = HTTPServerConfig(listen: "127.0.0.1:7010")
    /// The SQLite file.
    package var database = "/var/lib/berth/authd.sqlite"
    package var admin = AuthdAdminConfig()

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
        visitor.field("database", &database)
        visitor.section("admin", &admin)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("database", database)
        return server.internalProblems(at: path) + list.problems
    }
}

/// Where users and keys are managed.
package struct AuthdAdminConfig: ConfigSection {
    package var server = HTTPServerConfig(listen: "unix:///run/berth/authd-admin.sock")

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        server.internalProblems(at: path)
    }
}

/// configd.
package struct ConfigdConfig: ConfigSection {
    package var server = HTTPServerConfig(listen: "127.0.0.1:7020")
    /// Files, or directories whose `*.yaml`, `*.yml` and `*.json` are read in order of name.
    package var rules = ["/etc/berth/rules"]
    /// How often the rules are looked at for changes.
    package var reloadInterval: Duration = .seconds(2)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
        visitor.field("rules", &rules)
        visitor.field("reloadInterval", &reloadInterval)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check("reloadInterval", reloadInterval, atLeast: .milliseconds(50))
        return server.internalProblems(at: path) + list.problems
    }
}

/// auditd.
package struct AuditdConfig: ConfigSection {
    package var server = HTTPServerConfig(listen: "127.0.0.1:7030")
    /// The spool, and the recordings that stay on this machine.
    package var directory = "/var/lib/berth/auditd"
    /// Bytes that stay free; below that, nothing more is accepted.
    package var minimumFree = 256 << 20
    /// Where recordings go; a recording stays in the spool until all of them have it. Empty: `s3`
    /// where `audit.storage` says so, else `file`.
    package var storages: [AuditConfig.Storage] = []

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
        visitor.field("directory", &directory)
        visitor.field("minimumFree", &minimumFree)
        visitor.field("storages", &storages)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("directory", directory)
        list.check("minimumFree", minimumFree, in: 0...Int.max)
        let isSet = Set(storages).count == storages.count
        list.check(isSet, "storages", nil, "must not name one twice")
        let isNone = !storages.contains(.none) || storages.count == 1
        list.check(isNone, "storages", nil, "none must stand alone")
        return server.internalProblems(at: path) + list.problems
    }
}

/// metricsd; where it is scraped is in the section `metrics`.
package struct MetricsdConfig: ConfigSection {
    package var server = HTTPServerConfig(listen: "127.0.0.1:7040")

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        server.internalProblems(at: path)
    }
}
