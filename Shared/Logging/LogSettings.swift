import Glibc
package import SharedConfig
package import SharedMessages

/// How and where a process logs.
package struct LogSettings: Sendable, Hashable {
    /// Records less severe than this are left out, but for those with the audit flag.
    package var level: MessageLevel
    package var format: LogFormat
    package var destination: LogDestination

    package init(
        level: MessageLevel = .notice,
        format: LogFormat = .ljson,
        destination: LogDestination = .standardOutput
    ) {
        self.level = level
        self.format = format
        self.destination = destination
    }

    /// What the section `log` says.
    package init(_ config: LogConfig) {
        level = config.level
        format = config.format
        destination =
            switch config.destination {
            case .stdout: .standardOutput
            case .file: .file(config.file)
            case .syslog: .syslog(SyslogSettings(config.syslog))
            }
    }

    /// The record as the destination wants it.
    func render(_ record: LogRecord) -> [UInt8] {
        let offset = LogTime.localOffset(at: record.time)
        return switch destination {
        case .standardOutput, .file: format.line(record, offset: offset)
        case .syslog(let syslog): syslog.line(record, format: format, offset: offset)
        }
    }
}

extension SyslogSettings {
    /// What the section `log.syslog` says, with the id of this process if that is asked for.
    init(_ config: SyslogConfig) {
        self.init(
            destination: config.destination,
            facility: config.facility,
            tag: config.tag,
            processID: config.pid ? getpid() : nil
        )
    }
}
