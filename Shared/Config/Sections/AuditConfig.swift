/// What is recorded of a connection, and where recordings go.
package struct AuditConfig: ConfigSection {
    package enum Format: String, ConfigChoice {
        case none
        case binary
        case asciinema
    }

    package enum CastVersion: String, ConfigChoice {
        case two = "2"
        case three = "3"
    }

    package enum Storage: String, ConfigChoice {
        case none
        case file
        case s3
    }

    package enum Delivery: String, ConfigChoice {
        /// No recording, no session: a connection waits for auditd, and ends if that takes long.
        case strict
        /// The session goes on; what was lost is written into the recording as a gap.
        case besteffort
    }

    package enum WhenFull: String, ConfigChoice {
        /// The connection ends, and the person is told why.
        case end
        /// The session goes on; no more streams are recorded, only what was done.
        case stop
    }

    package var enable = false
    package var format = Format.none
    /// Of the format `asciinema`.
    package var castVersion = CastVersion.two
    package var storage = Storage.none
    package var file = AuditFileConfig()
    package var s3 = AuditS3Config()
    package var intercept = AuditInterceptConfig()
    package var delivery = Delivery.strict
    /// Bytes of one connection that may be without acknowledgement.
    package var window = 4 << 20
    /// Bytes that all connections of a gateway together may hold for their recordings; beyond that
    /// each gets a window of 256 KiB.
    package var memory = 256 << 20
    /// For one acknowledgement, before a strict connection ends.
    package var timeout: Duration = .seconds(30)
    /// Bytes of one recording, before compression; 0: no limit.
    package var maxSize = 0
    /// What happens at `maxSize`.
    package var whenFull = WhenFull.end
    /// Where auditd answers.
    package var server = HTTPClientConfig(url: "http://127.0.0.1:7030")
    /// Further auditds, called as `server` is; recordings go to another one when one is gone.
    package var replicas: [String] = []

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("enable", &enable)
        visitor.field("format", &format)
        visitor.field("castVersion", &castVersion)
        visitor.field("storage", &storage)
        visitor.section("file", &file, checked: enable && storage == .file)
        visitor.section("s3", &s3, checked: enable && storage == .s3)
        visitor.section("intercept", &intercept)
        visitor.field("delivery", &delivery)
        visitor.field("window", &window)
        visitor.field("memory", &memory)
        visitor.field("timeout", &timeout)
        visitor.field("maxSize", &maxSize)
        visitor.field("whenFull", &whenFull)
        visitor.section("server", &server, checked: enable)
        visitor.field("replicas", &replicas)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        guard enable else { return [] }
        var list = Rules(path)
        list.check("window", window, in: 64 << 10...1 << 30)
        list.check("memory", memory, in: 1 << 20...1 << 40)
        list.check("timeout", timeout, atLeast: .seconds(1))
        let isLimit = maxSize == 0 || maxSize >= 4096
        list.check(isLimit, "maxSize", "\(maxSize)", "must be 0 or at least 4096")
        list.check(!server.url.isEmpty, "server.url", nil, "must be set")
        let areURLs = replicas.allSatisfy(HTTPClientConfig.isURL)
        list.check(areURLs, "replicas", nil, "must be absolute URLs")
        let areOthers = Set(replicas + [server.url]).count == replicas.count + 1
        list.check(areOthers, "replicas", nil, "must not name one twice, nor server.url")
        return list.problems
    }

    /// How every auditd is called, the first one first.
    package var servers: [HTTPClientConfig] {
        [server]
            + replicas.map { url in
                var other = server
                other.url = url
                return other
            }
    }
}

package struct AuditFileConfig: ConfigSection {
    package var directory = "/var/log/audit"

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("directory", &directory)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.checkSet("directory", directory)
        return list.problems
    }
}

package struct AuditInterceptConfig: ConfigSection {
    package var stdin = false
    package var stdout = false
    package var stderr = false
    package var passwords = false
    /// The bytes of forwarded connections.
    package var forwarding = false
    /// What is typed while the terminal shows nothing of it becomes `*`.
    package var redactHiddenInput = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("stdin", &stdin)
        visitor.field("stdout", &stdout)
        visitor.field("stderr", &stderr)
        visitor.field("passwords", &passwords)
        visitor.field("forwarding", &forwarding)
        visitor.field("redactHiddenInput", &redactHiddenInput)
    }
}
