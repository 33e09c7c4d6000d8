package import ConfigClient
import FoundationEssentials
import SharedConfig
package import SharedMessages
import SharedModels

/// Every rule in force, in order.
package struct RuleSet: Sendable {
    fileprivate struct Entry {
        /// For log records: the rule's own name, or file and place.
        var name: String
        var groupMetadata: String
        var rule: RuleConfig
    }

    private let entries: [Entry]

    package var count: Int { entries.count }

    /// Takes the rules of several files in their order, each file with a name for messages.
    init(_ files: [(name: String, file: RuleFile)]) {
        entries = files.flatMap { name, file in
            file.rules.enumerated().map { index, rule in
                Entry(
                    name: rule.name.isEmpty ? "\(name) rules[\(index)]" : rule.name,
                    groupMetadata: file.groupMetadata,
                    rule: rule
                )
            }
        }
    }

    /// Every rule that fits, one laid over the other, up to the first that is final.
    ///
    /// Throws a `CodedError` with code `CONFIGD_RULE_FAILED` when a rule fits but needs what the
    /// connection does not have.
    package func answer(_ request: ConfigRequest) throws(CodedError) -> ConfigResponse {
        var response = ConfigResponse(config: .map([:]))
        for entry in entries where entry.fits(request) {
            do throws(TemplateError) {
                try entry.rule.apply(to: &response, request)
            } catch {
                throw CodedError(.configdRuleFailed, detail: "\(entry.name): \(error)")
            }
            if entry.rule.final { break }
        }
        response.config = ReplyChecker.wireForm(of: response.config)
        return response
    }
}

extension RuleSet.Entry {
    fileprivate func fits(_ request: ConfigRequest) -> Bool {
        let match = rule.match
        let metadata = request.head.carried.metadata
        guard match.user.isEmpty || match.user.matches(request.head.username),
            match.authenticatedUser.isEmpty
                || match.authenticatedUser.matches(request.authenticatedUsername)
        else { return false }
        if !match.group.isEmpty {
            let text = metadata[groupMetadata]?.value ?? ""
            let groups = text.split { $0 == "," || $0.isWhitespace }
            guard groups.contains(where: { match.group.matches(String($0)) }) else { return false }
        }
        let hasMetadata = match.metadata.allSatisfy { key, patterns in
            metadata[key].map { patterns.matches($0.value) } ?? false
        }
        guard hasMetadata else { return false }
        guard !match.address.isEmpty else { return true }
        return IPAddress(endpoint: request.head.remoteAddress).map(match.address.contains) ?? false
    }
}

extension RuleConfig {
    fileprivate func apply(
        to response: inout ConfigResponse,
        _ request: ConfigRequest
    ) throws(TemplateError) {
        response.config = response.config.followed(by: try render(config, request))
        for (key, value) in metadata {
            let text = try Template(value.text).render(request)
            response.carried.metadata[key] = MetadataValue(text, sensitive: value.isSensitive)
        }
        for (key, value) in environment {
            let text = try Template(value.text).render(request)
            response.carried.environment[key] = MetadataValue(text, sensitive: value.isSensitive)
        }
        for (path, value) in files {
            let content = Data(try Template(value.text).render(request).utf8)
            response.carried.files[path] = BinaryMetadataValue(
                base64: content.base64EncodedString(),
                sensitive: value.isSensitive
            )
        }
        guard !authenticatedUsername.isEmpty else { return }
        response.authenticatedUsername = try Template(authenticatedUsername).render(request)
    }

    private func render(
        _ tree: ConfigTree,
        _ request: ConfigRequest
    ) throws(TemplateError) -> ConfigTree {
        switch tree {
        case .string(let text): return .string(try Template(text).render(request))
        case .list(let items):
            var result: [ConfigTree] = []
            for item in items { result.append(try render(item, request)) }
            return .list(result)
        case .map(let map):
            var result: [String: ConfigTree] = [:]
            for (key, value) in map { result[key] = try render(value, request) }
            return .map(result)
        case .null, .bool, .integer, .double: return tree
        }
    }
}
