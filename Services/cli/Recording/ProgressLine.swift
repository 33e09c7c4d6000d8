import ArgumentParser
import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whether long work tells how far it is.
struct ProgressOptions: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Tell on standard error how far the work is; by itself only on a terminal."
    )
    var progress: Bool?

    /// `total` 0 means unknown; `unit` is bytes unless told otherwise. What prints as it goes on
    /// tells of itself on a terminal.
    func line(
        _ verb: String,
        total: UInt64,
        unit: ProgressLine.Unit = .bytes,
        prints: Bool = false
    ) -> ProgressLine {
        let isTold = prints && isatty(STDOUT_FILENO) == 1
        return ProgressLine(
            verb: verb,
            total: total,
            unit: unit,
            isShown: progress ?? (isatty(STDERR_FILENO) == 1 && !isTold),
            isPatient: progress == nil
        )
    }
}

/// One line on standard error that is written over as the work goes on.
struct ProgressLine {
    enum Unit {
        case bytes
        case recordings
        case lines
    }

    let verb: String
    let total: UInt64
    let unit: Unit
    let isShown: Bool
    /// Work that is over at once shows nothing.
    let isPatient: Bool
    private var done: UInt64 = 0
    private var shownAt = ContinuousClock.now
    private var wasShown = false

    init(verb: String, total: UInt64, unit: Unit, isShown: Bool, isPatient: Bool) {
        self.verb = verb
        self.total = total
        self.unit = unit
        self.isShown = isShown
        self.isPatient = isPatient
    }

    mutating func advance(to count: UInt64) {
        done = count
        guard isShown, ContinuousClock.now - shownAt > .milliseconds(250) else { return }
        show(end: "\r")
    }

    /// Leaves the line with what was done in all.
    mutating func finish() {
        guard isShown, wasShown || !isPatient else { return }
        show(end: "\n")
    }

    private mutating func show(end: String) {
        shownAt = .now
        wasShown = true
        var text = "\(verb) \(amount(done))"
        if total > 0 { text += " of \(amount(total)) (\(min(100, done * 100 / total)) %)" }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)\(end)".utf8))
    }

    private func amount(_ count: UInt64) -> String {
        switch unit {
        case .bytes: "\(count.formatted(.byteCount(style: .binary)))"
        case .recordings: "\(count) recordings"
        case .lines: "\(count) lines"
        }
    }
}
