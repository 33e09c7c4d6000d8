import Foundation
import SharedConfig

/// Days and hours such as `Mon-Fri 08:00-18:00`, `Sat,Sun` or `22:00-06:00`.
///
/// Without days every day counts, without hours the whole day. Hours that end before they begin go
/// past midnight and belong to the day on which they begin.
struct TimeWindow: Sendable, Hashable {
    private static let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let minutesOfDay = 24 * 60

    /// 0 is Monday.
    private let days: Set<Int>
    private let hours: Range<Int>

    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard let first = words.first, words.count <= 2 else { return nil }
        let hasDays = first.first?.isLetter == true
        guard hasDays || words.count == 1 else { return nil }
        guard let days = hasDays ? Self.days(first) : Set(Self.names.indices) else { return nil }
        let hours = hasDays ? words.dropFirst().first : first
        guard let hours = hours.map(Self.hours) ?? 0..<Self.minutesOfDay else { return nil }
        self.days = days
        self.hours = hours
    }

    func contains(_ time: LocalTime) -> Bool {
        if days.contains(time.day), hours.contains(time.minute) { return true }
        let yesterday = (time.day + 6) % 7
        return days.contains(yesterday) && hours.contains(time.minute + Self.minutesOfDay)
    }

    private static func days(_ text: Substring) -> Set<Int>? {
        var days: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
                .map { names.firstIndex(of: $0.lowercased()) }
            guard (1...2).contains(ends.count), let first = ends[0],
                let last = ends[ends.count - 1]
            else { return nil }
            // Sat-Mon goes past Sunday.
            for day in first...(last < first ? last + 7 : last) { days.insert(day % 7) }
        }
        return days
    }

    /// Minutes since midnight of the first day.
    private static func hours(_ text: Substring) -> Range<Int>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(minutes)
        guard ends.count == 2, let from = ends[0], let to = ends[1], from != to,
            from < minutesOfDay
        else { return nil }
        return from..<(to < from ? to + minutesOfDay : to)
    }

    private static func minutes(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isNumber) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60,
            hour * 60 + minute <= minutesOfDay
        else { return nil }
        return hour * 60 + minute
    }
}

/// A moment as the clock on somebody's wall shows it.
struct LocalTime: Sendable, Hashable {
    /// 0 is Monday.
    let day: Int
    /// Since midnight.
    let minute: Int

    init(_ date: Date, in zone: ZoneName) {
        let local = Int(date.timeIntervalSince1970.rounded(.down)) + zone.offset(at: date)
        let (days, second) = Self.floored(local, by: 86400)
        // The first of January 1970 was a Thursday.
        day = Self.floored(days + 3, by: 7).rest
        minute = second / 60
    }

    private static func floored(_ number: Int, by divisor: Int) -> (quotient: Int, rest: Int) {
        let rest = (number % divisor + divisor) % divisor
        return ((number - rest) / divisor, rest)
    }
}

/// A time zone of the IANA database, such as `Europe/Berlin`.
struct ZoneName: ConfigValue, Hashable {
    private let zone: TimeZone

    static let utc = ZoneName(zone: .gmt)

    /// Seconds east of Greenwich.
    func offset(at date: Date) -> Int { zone.secondsFromGMT(for: date) }

    static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> ZoneName? {
        guard let text = String.read(tree, at: path, problems: &problems) else { return nil }
        if text == "UTC" { return utc }
        let isName = text.utf8.count <= 64 && !text.contains("..") && !text.hasPrefix("/")
        guard isName, let zone = TimeZone(identifier: text) else {
            let rule = "must be a time zone such as Europe/Berlin"
            problems.append(ConfigProblem(path, value: tree.summary, rule))
            return nil
        }
        return ZoneName(zone: zone)
    }

    func tree(showSecrets: Bool) -> ConfigTree {
        .string(self == .utc ? "UTC" : zone.identifier)
    }
}
