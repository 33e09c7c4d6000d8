import Foundation

/// One process of the suite, as its reports show it.
package struct SuiteInstance: Sendable, Hashable {
    package let daemon: String
    package let instance: String
    /// Whether three of its intervals have gone by without a report.
    package let isSilent: Bool
    /// Milliseconds since 1970.
    package let startedAt: Int64
    /// Since its last report.
    package let lastHeard: Duration
    package let problems: [String]

    var isWell: Bool { !isSilent && problems.isEmpty }
}

/// The health of all processes on one page, for people and for programs.
struct SuitePage: Sendable {
    /// Daemons that have to be there.
    let expected: [String]
    let instances: [SuiteInstance]

    /// Those of which no process reports.
    var missing: [String] {
        let present = Set(instances.filter { !$0.isSilent }.map(\.daemon))
        return expected.filter { !present.contains($0) }
    }

    var isWell: Bool { missing.isEmpty && instances.allSatisfy(\.isWell) }

    // MARK: - JSON

    private struct Body: Encodable {
        struct Instance: Encodable {
            var daemon: String
            var instance: String
            var state: String
            var startedAt: Int64
            var lastHeardSeconds: Double
            var problems: [String]
        }

        var status: String
        var missing: [String]
        var instances: [Instance]
    }

    func json() throws -> [UInt8] {
        let body = Body(
            status: isWell ? "ok" : "degraded",
            missing: missing,
            instances: instances.map {
                .init(
                    daemon: $0.daemon,
                    instance: $0.instance,
                    state: $0.state,
                    startedAt: $0.startedAt,
                    lastHeardSeconds: $0.lastHeardSeconds,
                    problems: $0.problems
                )
            }
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return Array(try encoder.encode(body)) + [UInt8(ascii: "\n")]
    }

    // MARK: - HTML

    /// A page without anything to load or to run.
    var html: String {
        let rows = instances.map { instance in
            let cells = [
                instance.daemon, instance.instance, instance.state,
                "\(instance.lastHeardSeconds) s ago", instance.problems.joined(separator: "; "),
            ]
            return "<tr>" + cells.map { "<td>\($0.escapedForHTML)</td>" }.joined() + "</tr>\n"
        }
        let gone = missing.map { "<p>No \($0.escapedForHTML) reports.</p>\n" }.joined()
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>Berth</title>
            <meta http-equiv="refresh" content="10">
            <style>body{font-family:sans-serif}td,th{padding:.2em .8em;text-align:left}</style>
            </head><body><h1>Berth: \(isWell ? "ok" : "degraded")</h1>
            \(gone)<table><tr><th>daemon</th><th>process</th><th>state</th><th>heard</th>\
            <th>problems</th></tr>
            \(rows.joined())</table></body></html>

            """
    }
}

extension SuiteInstance {
    fileprivate var state: String { isSilent ? "silent" : problems.isEmpty ? "ready" : "not ready" }

    fileprivate var lastHeardSeconds: Double {
        ((lastHeard / .seconds(1)) * 10).rounded() / 10
    }
}

extension String {
    fileprivate var escapedForHTML: String {
        replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}
