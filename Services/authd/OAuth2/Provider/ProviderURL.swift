import Foundation

/// An absolute http or https URL of a provider, taken apart for an `HTTPClient`.
struct ProviderURL: Sendable, Hashable {
    /// Scheme, host and port.
    let origin: String
    /// The rest, with the query.
    let path: String
    let text: String

    var isEncrypted: Bool { origin.hasPrefix("https://") }

    /// `nil` for anything that is not to be called or shown: other schemes, user information,
    /// fragments, characters that no URL has.
    init?(_ text: String) {
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.encodedHost, !host.isEmpty,
            parts.user == nil, parts.password == nil, parts.fragment == nil
        else { return nil }
        let port = parts.port.map { ":\($0)" } ?? ""
        origin =
            "\(scheme)://\(host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host)\(port)"
        let query = parts.percentEncodedQuery.map { "?\($0)" } ?? ""
        path = parts.percentEncodedPath + query
        self.text = text
    }

    /// With these parameters added to the query.
    func adding(_ fields: [FormField]) -> String {
        text + (text.contains("?") ? "&" : "?") + Form.encode(fields)
    }
}

/// One parameter.
struct FormField: Sendable, Hashable {
    let name: String
    let value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// `application/x-www-form-urlencoded`, everything but unreserved characters escaped.
enum Form {
    private static let plain = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    )

    static func encode(_ fields: [FormField]) -> String {
        fields.map { "\(escape($0.name))=\(escape($0.value))" }.joined(separator: "&")
    }

    static func escape(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}
