import ConfigClient
import Foundation
import SharedConfig
import SharedModels

/// An answer in the making.
struct RuleDraft {
    private let request: ConfigRequest
    private(set) var response = ConfigResponse(config: .map([:]))
    /// Whether the configuration holds anything that came from the question.
    private(set) var isFilledIn = false
    private var bytes = 0

    init(_ request: ConfigRequest) {
        self.request = request
    }

    /// Lays what a rule gives over what is there.
    mutating func apply(_ rule: RuleConfig) throws(TemplateError) {
        response.config = response.config.followed(by: try render(rule.config))
        for (key, value) in rule.metadata {
            let text = try text(value.text)
            response.carried.metadata[key] = MetadataValue(text, sensitive: value.isSensitive)
        }
        for (key, value) in rule.environment {
            let text = try text(value.text)
            response.carried.environment[key] = MetadataValue(text, sensitive: value.isSensitive)
        }
        for (path, value) in rule.files {
            response.carried.files[path] = BinaryMetadataValue(
                base64: Data(try text(value.text).utf8).base64EncodedString(),
                sensitive: value.isSensitive
            )
        }
        guard !rule.authenticatedUsername.isEmpty else { return }
        response.authenticatedUsername = try text(rule.authenticatedUsername)
    }

    private mutating func text(_ text: String) throws(TemplateError) -> String {
        let result = try Template(text).render(request)
        try count(result)
        return result
    }

    private mutating func count(_ text: String) throws(TemplateError) {
        bytes += text.utf8.count
        guard bytes <= RuleLimits.outputBytes else { throw .tooLarge }
    }

    private mutating func render(_ tree: ConfigTree) throws(TemplateError) -> ConfigTree {
        switch tree {
        case .string(let text):
            let template = try Template(text)
            if !template.isConstant { isFilledIn = true }
            let value = try template.value(request)
            if case .string(let text) = value { try count(text) }
            return value
        case .list(let items):
            var result: [ConfigTree] = []
            for item in items { result.append(try render(item)) }
            return .list(result)
        case .map(let map):
            var result: [String: ConfigTree] = [:]
            for (key, value) in map { result[key] = try render(value) }
            return .map(result)
        case .null, .bool, .integer, .double: return tree
        }
    }
}
