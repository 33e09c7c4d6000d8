package import SharedConfig
import SharedMessages

/// Where syslog lines go and what their header says.
package struct SyslogSettings: Sendable, Hashable {
    /// A path of a Unix socket (it begins with `/`), else `host:port` for UDP.
    package var destination: String
    package var facility: SyslogFacility
    /// The name of the program in the header.
    package var tag: String
    /// The process id to write behind the tag, if any.
    package var processID: Int32?

    package init(
        destination: String = "/dev/log",
        facility: SyslogFacility = .auth,
        tag: String = "berth",
        processID: Int32? = nil
    ) {
        self.destination = destination
        self.facility = facility
        self.tag = tag
        self.processID = processID
    }

    /// `<PRI>MMM DD hh:mm:ss TAG[PID]: PAYLOAD` and a line end (RFC 3164 §4.1 without host name).
    func line(_ record: LogRecord, format: LogFormat, offset: Int) -> [UInt8] {
        let priority = facility.code * 8 + record.level.rawValue
        let process = processID.map { "[\($0)]" } ?? ""
        let time = LogTime.syslog(record.time, offset: offset)
        let header = "<\(priority)>\(time) \(tag.onOneLine)\(process): "
        return Array(header.utf8) + format.payload(record) + [UInt8(ascii: "\n")]
    }
}
