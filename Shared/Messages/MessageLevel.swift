/// The severity of a log record, numbered as syslog does (RFC 5424 §6.2.1).
package enum MessageLevel: Int, Sendable, CaseIterable, Comparable {
    case emerg = 0
    case alert = 1
    case crit = 2
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6
    case debug = 7

    /// The name as written in configuration and log records.
    package var name: String { String(describing: self) }

    package init?(name: String) {
        guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }

    /// Orders by severity: `.emerg` is the greatest.
    package static func < (left: Self, right: Self) -> Bool { left.rawValue > right.rawValue }
}
