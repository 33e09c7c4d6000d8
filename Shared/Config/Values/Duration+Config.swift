/// Durations are written as Go writes them (`1h30m`, `1.5s`, `100ms`); an integer counts nanoseconds.
extension Duration: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> Duration? {
        switch tree {
        case .integer(let nanoseconds): return .nanoseconds(nanoseconds)
        case .double(let value):
            if let nanoseconds = Int(exactly: value.rounded(.towardZero)) {
                return .nanoseconds(nanoseconds)
            }
        case .string(let text):
            if let duration = Duration(goText: text) { return duration }
        case .null, .bool, .list, .map: break
        }
        let rule = "must be a duration such as 1h30m, 1.5s or 100ms, or a number of nanoseconds"
        problems.append(ConfigProblem(path, value: tree.summary, rule))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .string(goText) }

    package static var shape: ConfigShape { .duration }

    /// Parses an optional sign and one or more `<decimal><unit>`; `0` alone needs no unit.
    package init?(goText text: String) {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        if rest == "0" {
            self = .zero
            return
        }
        guard !rest.isEmpty else { return nil }
        var total = 0
        while !rest.isEmpty {
            guard let part = Self.takePart(&rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { return nil }
            total = sum
        }
        self = .nanoseconds(isNegative ? -total : total)
    }

    /// The duration as Go prints it: `1m0s`, `1.5s`, `100ms`, `0s`.
    package var goText: String {
        let total = wholeNanoseconds
        guard total != 0 else { return "0s" }
        let sign = total < 0 ? "-" : ""
        let magnitude = total.magnitude
        guard magnitude >= 1_000_000_000 else { return sign + Self.belowSecond(magnitude) }
        let seconds = magnitude / 1_000_000_000
        let fraction = Self.decimal(
            whole: seconds % 60,
            part: magnitude % 1_000_000_000,
            digits: 9
        )
        if seconds < 60 { return "\(sign)\(fraction)s" }
        if seconds < 3600 { return "\(sign)\(seconds / 60)m\(fraction)s" }
        return "\(sign)\(seconds / 3600)h\(seconds % 3600 / 60)m\(fraction)s"
    }

    /// All of it in nanoseconds, as large as fits.
    package var wholeNanoseconds: Int {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = Int(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowed) = scaled.addingReportingOverflow(Int(attoseconds / 1_000_000_000))
        return overflow || overflowed ? (seconds < 0 ? .min : .max) : sum
    }

    private static let units: [(String, Int)] = [
        ("ns", 1), ("us", 1000), ("µs", 1000), ("μs", 1000), ("ms", 1_000_000),
        ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    /// Takes one `<decimal><unit>` and answers its nanoseconds.
    private static func takePart(_ rest: inout Substring) -> Int? {
        let whole = takeDigits(&rest)
        var fraction: Substring = ""
        if rest.first == "." {
            rest.removeFirst()
            fraction = takeDigits(&rest)
        }
        guard !(whole.isEmpty && fraction.isEmpty) else { return nil }
        let name = rest.prefix { !$0.isASCII || $0.isLetter }
        guard let unit = units.first(where: { $0.0 == name })?.1 else { return nil }
        rest.removeFirst(name.count)
        guard let count = whole.isEmpty ? 0 : Int(whole) else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        let (sum, overflowed) = product.addingReportingOverflow(part(fraction, of: unit))
        return overflowed ? nil : sum
    }

    private static func takeDigits(_ rest: inout Substring) -> Substring {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest.removeFirst(digits.count)
        return digits
    }

    /// The digits after the point, scaled to whole nanoseconds of a unit.
    private static func part(_ digits: Substring, of unit: Int) -> Int {
        var scale = unit
        var total = 0
        // Digits beyond the unit's nanoseconds cannot change the result.
        for digit in digits.prefix(14) {
            total += scale * (digit.wholeNumberValue ?? 0)
            scale /= 10
            if scale == 0 { break }
        }
        return total / 10
    }

    private static func belowSecond(_ nanoseconds: UInt) -> String {
        if nanoseconds < 1000 { return "\(nanoseconds)ns" }
        if nanoseconds < 1_000_000 {
            return decimal(whole: nanoseconds / 1000, part: nanoseconds % 1000, digits: 3) + "µs"
        }
        return decimal(whole: nanoseconds / 1_000_000, part: nanoseconds % 1_000_000, digits: 6)
            + "ms"
    }

    private static func decimal(whole: UInt, part: UInt, digits: Int) -> String {
        guard part != 0 else { return "\(whole)" }
        let text = String(part)
        var padded = String(repeating: "0", count: digits - text.count) + text
        while padded.last == "0" { padded.removeLast() }
        return "\(whole).\(padded)"
    }
}
