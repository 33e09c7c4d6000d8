package import SharedMessages

/// Where log records go.
package struct LogConfig: ConfigSection {
    package enum Format: String, ConfigChoice {
        case ljson
        case text
    }

    package enum Destination: String, ConfigChoice {
        case stdout
        case file
        case syslog
    }

    package var level = MessageLevel.notice
    package var format = Format.ljson
    package var destination = Destination.stdout
    /// Used with destination `file`; opened again on SIGHUP.
    package var file = "/var/log/containerssh/containerssh.log"
    package var syslog = SyslogConfig()
    /// Whether commands are in the records about programs.
    package var commands = true

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("level", &level)
        visitor.field("format", &format)
        visitor.field("destination", &destination)
        visitor.field("file", &file)
        visitor.section("syslog", &syslog, checked: destination == .syslog)
        visitor.field("commands", &commands)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        if destination == .file { list.checkSet("file", file) }
        return list.problems
    }
}

package struct SyslogConfig: ConfigSection {
    /// A socket path (stream, else datagram), or `host:port` for UDP.
    package var destination = "/dev/log"
    package var facility = SyslogFacility.auth
    package var tag = "ContainerSSH"
    /// Whether `[PID]` follows the tag.
    package var pid = false

    package init() {}

    package mutating func visit(_ visitor: inout some ConfigVisitor) {
        visitor.field("destination", &destination)
        visitor.field("facility", &facility)
        visitor.field("tag", &tag)
        visitor.field("pid", &pid)
    }

    package func problems(at path: String) -> [ConfigProblem] {
        var list = Rules(path)
        list.check(
            destination.hasPrefix("/") || ListenAddress(destination) != nil,
            "destination",
            destination,
            "must be a path or host:port"
        )
        return list.problems
    }
}

/// A syslog facility (RFC 5424 §6.2.1).
package enum SyslogFacility: String, ConfigChoice {
    case kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, ntp
    case logaudit, logalert, clock
    case local0, local1, local2, local3, local4, local5, local6, local7

    /// 0...23.
    package var code: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension MessageLevel: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> MessageLevel? {
        switch tree {
        case .integer(let number):
            if let level = MessageLevel(rawValue: number) { return level }
        case .string(let name):
            if let level = MessageLevel(name: name) { return level }
        case .null, .bool, .double, .list, .map: break
        }
        let names = allCases.reversed().map(\.name).joined(separator: ", ")
        let rule = "must be one of \(names), or a number 0...7"
        problems.append(ConfigProblem(path, value: tree.summary, rule))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .string(name) }
}
