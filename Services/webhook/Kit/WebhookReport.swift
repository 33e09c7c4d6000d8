/// The results of a `WebhookTester` for people and for CI systems.
package struct WebhookReport: Sendable {
    package let results: [CheckResult]

    package init(_ results: [CheckResult]) { self.results = results }

    package var failures: Int { count { if case .failed = $0 { true } else { false } } }
    package var warnings: Int { count { if case .warned = $0 { true } else { false } } }
    package var skipped: Int { count { if case .skipped = $0 { true } else { false } } }

    /// One line for the end.
    package var summary: String {
        let passed = results.count - failures - warnings - skipped
        return "\(passed) passed, \(warnings) with a warning, \(failures) failed, "
            + "\(skipped) skipped"
    }

    /// One result as a line, with what is wrong on the next.
    package static func line(_ result: CheckResult) -> String {
        let (mark, text) =
            switch result.outcome {
            case .passed: ("ok  ", "")
            case .warned(let text): ("warn", text)
            case .failed(let text): ("FAIL", text)
            case .skipped(let text): ("skip", text)
            }
        let line = "\(mark) \(result.group): \(result.title)"
        return text.isEmpty ? line : "\(line)\n     \(text)"
    }

    /// The format that CI systems read, as Ant's JUnit task writes it.
    package var junit: String {
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="berth webhook test" tests="\(results.count)" \
            failures="\(failures)" errors="0" skipped="\(skipped)">\n
            """
        for result in results {
            let time = Double(milliseconds(result.duration)) / 1000
            text += "  <testcase classname=\"\(escaped(result.group))\" "
            text += "name=\"\(escaped(result.title))\" time=\"\(time)\">"
            switch result.outcome {
            case .passed: break
            case .warned(let reason):
                text += "<system-out>warning: \(escaped(reason))</system-out>"
            case .failed(let reason): text += "<failure message=\"\(escaped(reason))\"/>"
            case .skipped(let reason): text += "<skipped message=\"\(escaped(reason))\"/>"
            }
            text += "</testcase>\n"
        }
        return text + "</testsuite>\n"
    }

    private func count(_ isCounted: (CheckOutcome) -> Bool) -> Int {
        results.count { isCounted($0.outcome) }
    }
}

/// Text for an attribute; characters that XML 1.0 cannot hold become `?`.
private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "\n", "\t": result += " "
        case "\u{0}"..<"\u{20}", "\u{FFFE}", "\u{FFFF}": result += "?"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
