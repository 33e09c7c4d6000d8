import ConfigClient
import SharedModels

/// What a template can ask for.
enum Variable: Hashable, Sendable, CustomStringConvertible {
    case username
    case authenticatedUsername
    case remoteAddress
    case connectionID
    case country
    case metadata(String)

    init?(_ name: String) {
        switch name {
        case "username": self = .username
        case "authenticatedUsername": self = .authenticatedUsername
        case "remoteAddress": self = .remoteAddress
        case "connectionId": self = .connectionID
        case "country": self = .country
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
        case .country: "country"
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
        case .country: request.country.isEmpty ? nil : request.country
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
