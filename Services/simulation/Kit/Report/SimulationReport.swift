import ConfigdCore
import SharedConfig
import SharedModels

/// A simulation's result for people and for programs.
package struct SimulationReport: Sendable {
    private let result: SimulationResult
    private let base: [String: String]
    private let file: String

    /// `base` says where the values of the gateway's own configuration were written, which is read
    /// from `file`.
    package init(_ result: SimulationResult, base: [String: String], file: String) {
        self.result = result
        self.base = base
        self.file = file
    }

    /// Where a value of the person's configuration comes from.
    package func origin(of path: String) -> String {
        if let rule = result.decision?.origin(of: "config.\(path)") { return rule }
        // The reply came from a webhook that does not say why.
        if result.decision == nil, result.reply?.holds(path) == true { return "config webhook" }
        guard let place = ParsedTree(tree: .null, origins: base).origin(of: path) else {
            return "default"
        }
        guard place.hasPrefix("line ") else { return place }
        return "\(file):\(place.dropFirst("line ".count))"
    }

    /// Lines for a terminal.
    package var text: String {
        var lines = ["login: \(outcome)"]
        if !result.identity.isEmpty { lines.append("identity: \(result.identity)") }
        lines += result.reasons.map { "reason: \($0)" }
        lines += result.vetoes.map { "veto: \($0) [\(origin(of: $0.path))]" }
        lines += (result.decision?.rules ?? []).map {
            "rule: \($0.name) [\($0.layer), \($0.place)]"
        }
        lines += (result.config?.settings ?? []).map {
            "config: \($0.path) = \($0.value.json) [\(origin(of: $0.path))]"
        }
        lines += attached.map { "\($0.path) = \($0.value) [\($0.origin)]" }
        lines += result.answers.map(Self.line)
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same as one JSON object.
    package var json: String {
        var map: [String: ConfigTree] = [
            "outcome": .string(word), "text": .string(outcome),
            "identity": .string(result.identity),
            "codes": .list(result.codes.map { .string($0) }),
            "reasons": .list(result.reasons.map { .string($0) }),
        ]
        map["vetoes"] = .list(
            result.vetoes.map {
                [
                    "path": .string($0.path), "rule": .string($0.rule),
                    "origin": .string(origin(of: $0.path)),
                ]
            }
        )
        map["rules"] = .list(
            (result.decision?.rules ?? []).map {
                ["name": .string($0.name), "layer": .string($0.layer), "place": .string($0.place)]
            }
        )
        map["config"] = .map(
            Dictionary(
                (result.config?.settings ?? []).map {
                    ($0.path, ["value": $0.value, "origin": .string(origin(of: $0.path))])
                },
                uniquingKeysWith: { first, _ in first }
            )
        )
        map["attached"] = .list(
            attached.map {
                [
                    "path": .string($0.path), "value": .string($0.value),
                    "origin": .string($0.origin),
                ]
            }
        )
        map["requests"] = .list(
            result.answers.map {
                [
                    "request": .string($0.request), "allowed": .bool($0.isAllowed),
                    "runs": $0.runs.map { .string($0) } ?? .null,
                    "code": $0.code.map { .string($0) } ?? .null,
                ]
            }
        )
        return ConfigTree.map(map).json + "\n"
    }

    private var word: String {
        switch result.outcome {
        case .accepted: "accepted"
        case .partial: "partial"
        case .refused: "refused"
        }
    }

    private var outcome: String {
        switch result.outcome {
        case .accepted: "accepted"
        case .partial(let methods): "partial, needs also \(methods.joined(separator: ", "))"
        case .refused(let stage, let text):
            "refused at \(stage.rawValue)" + (text.isEmpty ? "" : ": \(text)")
        }
    }

    /// What webhooks attached, without the values of what is sensitive.
    private var attached: [(path: String, value: String, origin: String)] {
        let carried = result.carried
        var list: [(String, String, Bool)] = []
        list += carried.metadata.map { ("metadata.\($0)", $1.value, $1.sensitive) }
        list += carried.environment.map { ("environment.\($0)", $1.value, $1.sensitive) }
        list += carried.files.map { ("files.\($0)", "base64 \($1.value)", $1.sensitive) }
        let origins = result.decision?.origins ?? [:]
        return list.sorted { $0.0 < $1.0 }.map { path, value, isSensitive in
            (path, isSensitive ? "***" : value, origins[path] ?? "auth webhook")
        }
    }

    private static func line(_ answer: SimulationResult.Answer) -> String {
        guard answer.isAllowed else {
            return "refused: \(answer.request)" + (answer.code.map { " [\($0)]" } ?? "")
        }
        let runs = answer.runs.map { $0 == answer.request ? "" : " (runs \($0))" } ?? ""
        return "allowed: \(answer.request)\(runs)"
    }
}

extension ConfigTree {
    /// Whether there is a value at a key path or above it.
    fileprivate func holds(_ path: String) -> Bool {
        var tree = self
        for key in path.split(separator: ".") {
            guard case .map(let map) = tree else { return true }
            guard let next = map[String(key)] else { return false }
            tree = next
        }
        return true
    }
}
