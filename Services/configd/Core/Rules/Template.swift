import ConfigClient
import SharedModels

/// A text with variables: `${username}`, `${authenticatedUsername}`, `${remoteAddress}`,
/// `${connectionId}` and `${metadata.KEY}`; `$${` stands for `${` itself.
///
/// A variable's value must be a plain name (letters, digits, `.`, `_`, `@`, `+`, `-`, and not `.`
/// or `..`), so that nobody reaches another directory by the name they log in with. `raw.` before
/// a variable's name takes any value.
struct Template: Sendable, Hashable {
    private enum Part: Hashable {
        case text(String)
        case variable(Variable, isRaw: Bool)
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
            parts.append(try Self.variable(rest[..<end]))
            rest = rest[rest.index(after: end)...]
        }
        self.parts = parts + [.text(String(rest))]
    }

    /// Throws when the question lacks a variable or has a value that is not a plain name.
    func render(_ request: ConfigRequest) throws(TemplateError) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .variable(let variable, let isRaw):
                guard let value = variable.value(in: request) else {
                    throw .missing(variable.description)
                }
                guard isRaw || variable.isSafe(value) else { throw .unsafe(variable.description) }
                result += value
            }
        }
        return result
    }

    private static func variable(_ text: Substring) throws(TemplateError) -> Part {
        let isRaw = text.hasPrefix("raw.")
        let name = String(isRaw ? text.dropFirst("raw.".count) : text)
        guard let variable = Variable(name) else { throw .unknown(name) }
        return .variable(variable, isRaw: isRaw)
    }
}

/// What can be wrong with a template.
enum TemplateError: Error, Hashable, CustomStringConvertible {
    case unclosed
    case unknown(String)
    case missing(String)
    case unsafe(String)

    var description: String {
        switch self {
        case .unclosed: "has ${ without }"
        case .unknown(let name): "has the unknown variable ${\(name)}"
        case .missing(let name): "needs ${\(name)}, which this connection does not have"
        case .unsafe(let name):
            "needs ${\(name)}, whose value is not a plain name; ${raw.\(name)} would take it"
        }
    }
}

/// What a template can ask for.
enum Variable: Hashable, CustomStringConvertible {
    case username
    case authenticatedUsername
    case remoteAddress
    case connectionID
    case metadata(String)

    init?(_ name: String) {
        switch name {
        case "username": self = .username
        case "authenticatedUsername": self = .authenticatedUsername
        case "remoteAddress": self = .remoteAddress
        case "connectionId": self = .connectionID
        default:
            let prefix = "metadata."
            guard name.hasPrefix(prefix), name.count > prefix.count else { return nil }
            self = .metadata(String(name.dropFirst(prefix.count)))
        }
    }

    var description: String {
        switch self {
        case .username: "username"
        case .authenticatedUsername: "authenticatedUsername"
        case .remoteAddress: "remoteAddress"
        case .connectionID: "connectionId"
        case .metadata(let key): "metadata.\(key)"
        }
    }

    /// `nil` where the connection does not have it.
    func value(in request: ConfigRequest) -> String? {
        switch self {
        case .username: request.head.username
        case .authenticatedUsername:
            request.authenticatedUsername.isEmpty ? nil : request.authenticatedUsername
        case .remoteAddress: host(of: request.head.remoteAddress)
        case .connectionID: request.head.connectionID
        case .metadata(let key): request.head.carried.metadata[key]?.value
        }
    }

    func isSafe(_ value: String) -> Bool {
        // An address was parsed, and IPv6 has colons.
        if self == .remoteAddress { return true }
        guard !value.isEmpty, value != ".", value != ".." else { return false }
        return value.allSatisfy { $0.isLetter || $0.isNumber || "._@+-".contains($0) }
    }

    /// The address without its port; `nil` if it is none.
    private func host(of endpoint: String) -> String? {
        guard IPAddress(endpoint: endpoint) != nil else { return nil }
        guard IPAddress(endpoint) == nil else { return endpoint }
        let host = endpoint.prefix { $0 != "]" }
        if host.hasPrefix("[") { return String(host.dropFirst()) }
        return endpoint.lastIndex(of: ":").map { String(endpoint[..<$0]) }
    }
}
