/// Results of tests in the format that CI systems read, as Ant's JUnit task writes it.
package enum JUnit {
    /// One test and what became of it.
    package struct Case: Sendable {
        package var group: String
        package var name: String
        package var duration: Duration
        package var result: Result

        package init(group: String, name: String, duration: Duration, result: Result) {
            self.group = group
            self.name = name
            self.duration = duration
            self.result = result
        }
    }

    package enum Result: Sendable {
        case passed
        case warned(String)
        case failed(String)
        case skipped(String)
    }

    /// The whole document; characters that XML 1.0 cannot hold become `?`.
    package static func document(_ suite: String, _ cases: [Case]) -> String {
        let failures = cases.count { if case .failed = $0.result { true } else { false } }
        let skipped = cases.count { if case .skipped = $0.result { true } else { false } }
        var text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="\(escaped(suite))" tests="\(cases.count)" \
            failures="\(failures)" errors="0" skipped="\(skipped)">\n
            """
        for test in cases {
            let milliseconds = test.duration / .milliseconds(1)
            text += "  <testcase classname=\"\(escaped(test.group))\" "
            text += "name=\"\(escaped(test.name))\" time=\"\(milliseconds.rounded() / 1000)\">"
            switch test.result {
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

    /// Text for an attribute.
    private static func escaped(_ text: String) -> String {
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
}
