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
    /// Where the storage `file` keeps recordings; empty: in `directory`. May be shared by several
    /// auditds.
    package var files = ""
    /// Between looks for recordings that other auditds have stored; 0: only at the start.
    package var rescan: Duration = .zero
    /// Silence of a gateway after which its recordings are finished for it; gateways are heard of
    /// every 20 seconds.
    package var lease: Duration = .seconds(300)
    /// What readers of recordings have to send; empty: whoever reaches auditd may read.
    package var token = Secret()
    /// Whether auditd serves the web page.
    package var web = false
    package var ledger = AuditdLedgerConfig()
    package var encryption = AuditdEncryptionConfig()
    /// Whether an asciicast of each recording stands beside it in `directory`.
    package var casts = Casts.none

    package enum Casts: String, ConfigChoice {
        case none
        case two = "2"
        case three = "3"
    }

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
        visitor.field("directory", &directory)
        visitor.field("minimumFree", &minimumFree)
        visitor.field("storages", &storages)
        visitor.field("files", &files)
        visitor.field("rescan", &rescan)
        visitor.field("lease", &lease)
        visitor.field("token", &token)
        visitor.field("web", &web)
        visitor.section("ledger", &ledger)
        visitor.section("encryption", &encryption)
        visitor.field("casts", &casts)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("directory", directory)
        list.check("minimumFree", minimumFree, in: 0...Int.max)
        let isSet = Set(storages).count == storages.count
        list.check(isSet, "storages", nil, "must not name one twice")
        let isNone = !storages.contains(.none) || storages.count == 1
        list.check(isNone, "storages", nil, "none must stand alone")
        list.check("rescan", rescan, atLeast: .zero)
        list.check("lease", lease, atLeast: .seconds(1))
        let isShort = !token.isEmpty && token.reveal().utf8.count < 16
        list.check(!isShort, "token", nil, "must be empty or of at least 16 characters")
        list.check(
            !web || !token.isEmpty || (server.usesTLS && !server.clientCACertificate.isEmpty),
            "web",
            "true",
            "needs auditd.token, or client certificates"
        )
        return server.internalProblems(at: path) + list.problems
    }
}

/// The signed list of finished recordings, by which changes and deletions are found.
package struct AuditdLedgerConfig: ConfigSection {
    package var enable = true
    /// File with the private key; empty: `ledger.d/ledger.key` below `auditd.directory`. Made if
    /// it is missing and there is no ledger yet.
    package var key = ""
    /// Age at which the key is replaced by a new one; 0: never.
    package var rotateAfter: Duration = .zero
    /// How often it is written down how far the running recordings are; 0: only their ends are.
    package var sealEvery: Duration = .seconds(60)

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("enable", &enable)
        visitor.field("key", &key)
        visitor.field("rotateAfter", &rotateAfter)
        visitor.field("sealEvery", &sealEvery)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        let isAge = rotateAfter == .zero || rotateAfter >= .seconds(60)
        list.check(isAge, "rotateAfter", "\(rotateAfter)", "must be 0 or at least 1m")
        let isPause = sealEvery == .zero || sealEvery >= .milliseconds(100)
        list.check(isPause, "sealEvery", sealEvery.goText, "must be 0 or at least 100ms")
        return list.problems
    }
}

extension AuditdConfig {
    /// Where recordings go: what `storages` says, else `s3` where `audit.storage` says so, else
    /// `file`.
    package func storages(for audit: AuditConfig) -> [AuditConfig.Storage] {
        guard storages.isEmpty else { return storages }
        return [audit.storage == .s3 ? .s3 : .file]
    }
}

/// metricsd; where it is scraped is in the section `metrics`.
package struct MetricsdConfig: ConfigSection {
    package var server = HTTPServerConfig(listen: "127.0.0.1:7040")
    /// Daemons without which the suite is not well.
    package var expected: [Reporter] = []

    package enum Reporter: String, ConfigChoice {
        case gateway
        case authd
        case configd
        case auditd
    }

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        server.visit(&visitor)
        visitor.field("expected", &expected)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        server.internalProblems(at: path)
    }
}
