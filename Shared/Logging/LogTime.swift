import Glibc

/// Points in time as the log writes them; the offset is seconds east of UTC.
enum LogTime {
    /// Seconds since 1970 (UTC).
    static func now() -> Int { time(nil) }

    /// How far the local zone is east of UTC at `seconds`.
    static func localOffset(at seconds: Int) -> Int {
        var parts = unsafe tm()
        var seconds = seconds
        guard unsafe localtime_r(&seconds, &parts) != nil else { return 0 }
        return unsafe parts.tm_gmtoff
    }

    /// RFC 3339 with second resolution: `2026-05-08T09:11:55+02:00`, `Z` for UTC.
    static func rfc3339(_ seconds: Int, offset: Int) -> String {
        "\(formatted(seconds, offset: offset, "%Y-%m-%dT%H:%M:%S"))\(zone(offset))"
    }

    /// The time of a syslog header, the day padded with a space: `May  8 09:11:55`.
    static func syslog(_ seconds: Int, offset: Int) -> String {
        let month = unsafe Int(civil(seconds, offset: offset).tm_mon)
        return "\(monthNames[month]) \(formatted(seconds, offset: offset, "%e %H:%M:%S"))"
    }

    /// English whatever the locale, which `%b` would not be.
    private static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func civil(_ seconds: Int, offset: Int) -> tm {
        var parts = unsafe tm()
        var local = seconds + offset
        _ = unsafe gmtime_r(&local, &parts)
        return unsafe parts
    }

    private static func formatted(_ seconds: Int, offset: Int, _ format: String) -> String {
        var parts = unsafe civil(seconds, offset: offset)
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let count = unsafe strftime(buffer.baseAddress, buffer.count, format, &parts)
            return unsafe String(
                decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)),
                as: UTF8.self
            )
        }
    }

    private static func zone(_ offset: Int) -> String {
        guard offset != 0 else { return "Z" }
        let minutes = abs(offset) / 60
        return (offset < 0 ? "-" : "+") + twoDigits(minutes / 60) + ":" + twoDigits(minutes % 60)
    }

    private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
