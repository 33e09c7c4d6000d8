package import ConfigClient
package import Foundation
import SharedConfig
package import SharedMessages
import SharedModels

/// Every rule in force, in order.
package struct RuleSet: Sendable {
    private let entries: [RuleEntry]

    package var count: Int { entries.count }

    /// Every rule with its place, in the order in which they are looked at.
    var all: [RuleEntry] { entries }

    /// Takes the rules of several files in their order, layer by layer.
    init(_ files: [RuleSetFile]) {
        let entries = files.flatMap { file in
            file.content.rules.enumerated().map { index, rule in
                RuleEntry(file: file, index: index, rule: rule)
            }
        }
        // Stable within a layer.
        self.entries = entries.enumerated()
            .sorted { ($0.element.layer, $0.offset) < ($1.element.layer, $1.offset) }
            .map(\.element)
    }

    /// Every rule that fits at `date`, one laid over the other, up to the first that is final;
    /// behind it exceptions only.
    ///
    /// Throws a `CodedError` with code `CONFIGD_RULE_FAILED` when a rule fits but needs what the
    /// connection does not have, or gives what no gateway would take.
    package func decide(
        _ request: ConfigRequest,
        at date: Date
    ) throws(CodedError) -> RuleDecision {
        let subject = MatchSubject(request, at: date)
        var decision = RuleDecision()
        var draft = RuleDraft(request)
        var isFinal = false
        for entry in entries where !isFinal || entry.layer == .exception {
            guard entry.rule.match.mismatch(subject, entry.file.content) == nil else { continue }
            do throws(TemplateError) {
                try draft.apply(entry.rule)
            } catch {
                throw CodedError(.configdRuleFailed, detail: "\(entry.title): \(error)")
            }
            decision.entries.append(entry)
            isFinal = isFinal || entry.rule.final
        }
        decision.response = draft.response
        decision.response.config = ReplyChecker.wireForm(of: decision.response.config)
        if draft.isFilledIn { try check(decision) }
        return decision
    }

    /// What was filled in can break rules that its text has kept.
    private func check(_ decision: RuleDecision) throws(CodedError) {
        guard let problem = ReplyChecker.problems(of: decision.response.config).first else {
            return
        }
        let origin = decision.origin(of: "config.\(problem.path)")
        let place = origin.map { "\($0): " } ?? ""
        throw CodedError(.configdRuleFailed, detail: "\(place)config.\(problem)")
    }
}

/// A file of rules, with what its messages need.
struct RuleSetFile: Sendable {
    let name: String
    let content: RuleFile
    /// Lower-case key path to line.
    private let lines: [String: String]

    init(name: String, _ content: RuleFile, origins: [String: String] = [:]) {
        self.name = name
        self.content = content
        lines = Dictionary(
            origins.map { ($0.key.lowercased(), $0.value.replacing("line ", with: "")) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Where a key path, or the nearest one above it that the file holds, was written.
    func place(of path: String) -> String {
        let line = ParsedTree(tree: .null, origins: lines).origin(of: path.lowercased())
        return line.map { "\(name):\($0)" } ?? name
    }
}

/// A rule and where it stands.
struct RuleEntry: Sendable {
    let file: RuleSetFile
    let index: Int
    let rule: RuleConfig

    var layer: RuleLayer {
        let own = rule.layer == .ofFile ? file.content.layer : rule.layer
        return own == .ofFile ? .base : own
    }

    /// For messages: the rule's own name, or file and place.
    var title: String { rule.name.isEmpty ? "\(file.name) rules[\(index)]" : rule.name }

    var place: String { place(of: "") }

    /// Where a key path of the rule was written.
    func place(of path: String) -> String {
        file.place(of: path.isEmpty ? "rules[\(index)]" : "rules[\(index)].\(path)")
    }
}
