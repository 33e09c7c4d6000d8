import ConfigClient
import SharedConfig

/// A text with variables: `${username}`, `${authenticatedUsername}`, `${remoteAddress}`,
/// `${connectionId}`, `${country}` and `${metadata.KEY}`; `$${` stands for `${` itself.
///
/// A variable's value must be a plain name (letters, digits, `.`, `_`, `@`, `+`, `-`, and not `.`
/// or `..`), so that nobody reaches another directory by the name they log in with. `raw.` before
/// a variable's name takes any value; `int.`, `number.`, `bool.` and `list.` take one that reads
/// as such, in a text that holds nothing else. `:-` and a text behind the name stand for it where
/// the connection does not have it.
struct Template: Sendable, Hashable {
    private enum Part: Hashable {
        case text(String)
        case variable(Reference)
    }

    private let parts: [Part]

    /// Throws what is wrong with the text: an unknown variable, or one that is not closed.
    init(_ text: String) throws(TemplateError) {
        var parts: [Part] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            let before = rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            if before.hasSuffix("$") {
                parts.append(.text(before.dropLast() + "${"))
                continue
            }
            parts.append(.text(String(before)))
            guard let end = rest.firstIndex(of: "}") else { throw .unclosed }
            parts.append(.variable(try Reference(rest[..<end])))
            rest = rest[rest.index(after: end)...]
        }
        self.parts = (parts + [.text(String(rest))]).filter { $0 != .text("") }
        guard self.parts.count > 1 else { return }
        for case .variable(let reference) in self.parts where reference.type.isTyped {
            throw .mixed(reference.variable.description)
        }
    }

    /// Whether it gives something else than text.
    var isTyped: Bool { typed != nil }

    /// Whether anything has to be filled in.
    var isConstant: Bool { !parts.contains { if case .variable = $0 { true } else { false } } }

    /// Throws when the question lacks a variable, or has a value that does not fit.
    func render(_ request: ConfigRequest) throws(TemplateError) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .variable(let reference): result += try reference.text(request)
            }
        }
        return result
    }

    /// As `render`, with the type that the text asks for.
    func value(_ request: ConfigRequest) throws(TemplateError) -> ConfigTree {
        guard let typed else { return .string(try render(request)) }
        return try typed.type.value(of: try typed.text(request), typed.variable)
    }

    /// A value of the type that will be there.
    var sample: ConfigTree? { typed?.type.sample }

    private var typed: Reference? {
        guard case .variable(let reference) = parts.first, reference.type.isTyped else {
            return nil
        }
        return reference
    }
}

/// A variable as it stands in a template.
private struct Reference: Sendable, Hashable {
    let variable: Variable
    let type: VariableType
    /// Stands for what the connection does not have.
    let fallback: String?

    init(_ text: Substring) throws(TemplateError) {
        var name = text
        if let cut = text.firstRange(of: ":-") {
            name = text[..<cut.lowerBound]
            fallback = String(text[cut.upperBound...])
        } else {
            fallback = nil
        }
        let type = VariableType.written.first { name.hasPrefix("\($0.rawValue).") }
        self.type = type ?? .name
        if let type { name = name.dropFirst(type.rawValue.count + 1) }
        guard let variable = Variable(String(name)) else { throw .unknown(String(name)) }
        self.variable = variable
    }

    func text(_ request: ConfigRequest) throws(TemplateError) -> String {
        guard let value = variable.value(in: request) else {
            guard let fallback else { throw .missing(variable.description) }
            return fallback
        }
        guard type != .name || variable.isSafe(value) else {
            throw .unsafe(variable.description)
        }
        return value
    }
}

/// What a variable's value is taken for.
private enum VariableType: String, Sendable {
    case name
    case raw
    case int
    case number
    case bool
    case list

    /// Those with a word of their own.
    static let written: [Self] = [.raw, .int, .number, .bool, .list]

    var isTyped: Bool { self != .name && self != .raw }

    var sample: ConfigTree {
        switch self {
        case .name, .raw: ""
        case .int: 1
        case .number: 1.5
        case .bool: true
        case .list: []
        }
    }

    func value(of text: String, _ variable: Variable) throws(TemplateError) -> ConfigTree {
        switch (self, YAMLTree.scalar(text)) {
        case (.int, .integer(let value)), (.number, .integer(let value)): return .integer(value)
        case (.number, .double(let value)): return .double(value)
        case (.bool, .bool(let value)): return .bool(value)
        case (.list, _):
            let words = text.split { $0 == "," || $0.isWhitespace }
            return .list(words.map { .string(String($0)) })
        case (.name, _), (.raw, _): return .string(text)
        case (.int, _), (.number, _), (.bool, _):
            throw .mistyped(variable.description, rawValue)
        }
    }
}

/// What can be wrong with a template.
enum TemplateError: Error, Hashable, CustomStringConvertible {
    case unclosed
    case unknown(String)
    case mixed(String)
    case missing(String)
    case unsafe(String)
    case mistyped(String, String)
    case tooLarge

    var description: String {
        switch self {
        case .unclosed: "has ${ without }"
        case .unknown(let name): "has the unknown variable ${\(name)}"
        case .mixed(let name): "has ${\(name)} with a type beside other text"
        case .missing(let name): "needs ${\(name)}, which this connection does not have"
        case .unsafe(let name):
            "needs ${\(name)}, whose value is not a plain name; ${raw.\(name)} would take it"
        case .mistyped(let name, let type): "needs ${\(name)}, whose value is no \(type)"
        case .tooLarge: "gives more than \(RuleLimits.outputBytes) bytes once it is filled in"
        }
    }
}
