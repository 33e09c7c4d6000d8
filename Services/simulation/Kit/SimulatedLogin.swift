package import Foundation
package import SharedModels
package import SharedSSH

/// A connection that is not made, to see what would become of it.
package struct SimulatedLogin: Sendable {
    /// The name that is typed.
    package var username: String
    /// The client's IP address, without port or brackets.
    package var address: String
    package var credential: Credential
    /// Two capital letters; empty where nobody knows.
    package var country: String
    /// For rules that look at the clock.
    package var date: Date
    /// Made one after the other once the person is in; each program in a session of its own.
    package var requests: [SimulatedRequest]

    package enum Credential: Sendable {
        /// A public key, or a certificate, in wire form; its owner is taken to have signed.
        case key([UInt8])
        case password([UInt8])
        /// What the auth webhook would say, which is then not asked.
        case assumed(AssumedIdentity)
    }

    package init(
        username: String,
        address: String,
        credential: Credential,
        country: String = "",
        date: Date,
        requests: [SimulatedRequest] = []
    ) {
        self.username = username
        self.address = address
        self.credential = credential
        self.country = country
        self.date = date
        self.requests = requests
    }
}

/// Who somebody is, without proof.
package struct AssumedIdentity: Sendable, Hashable {
    /// The verified identity; empty: the name that is typed.
    package var name: String
    package var carried: ConnectionMetadata
    package var restrictions: CredentialRestrictions?

    package init(
        name: String = "",
        carried: ConnectionMetadata = .init(),
        restrictions: CredentialRestrictions? = nil
    ) {
        self.name = name
        self.carried = carried
        self.restrictions = restrictions
    }
}

/// Something that a client asks for.
package struct SimulatedRequest: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Asked for before the program, in the same session.
        case setting(SessionRequest)
        case program(SessionRequest)
        case forward(ForwardTarget)
        case listen(ForwardAddress)
    }

    package let description: String
    package let kind: Kind

    /// Reads `shell`, `exec LINE`, `subsystem NAME`, `pty`, `env NAME=VALUE`, `x11`, `agent`,
    /// `forward HOST:PORT`, `forward /PATH`, `listen HOST:PORT` or `listen /PATH`; `nil` for
    /// anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard let verb = parts.first else { return nil }
        let rest = parts.count > 1 ? parts[1] : ""
        guard let kind = Self.kind(verb, rest) else { return nil }
        self.kind = kind
        description = text
    }

    private static func kind(_ verb: String, _ rest: String) -> Kind? {
        switch (verb, rest.isEmpty) {
        case ("shell", true): return .program(.shell)
        case ("exec", false): return .program(.exec(command: RawText(rest)))
        case ("subsystem", false): return .program(.subsystem(name: RawText(rest)))
        case ("pty", true): return .setting(.pty(PTYRequest(term: "xterm", size: window)))
        case ("agent", true): return .setting(.agentForwarding)
        case ("x11", true):
            let request = X11Request(
                isSingleConnection: false,
                protocolName: "MIT-MAGIC-COOKIE-1",
                cookie: String(repeating: "0", count: 32),
                screen: 0
            )
            return .setting(.x11(request))
        case ("env", false):
            let pair = rest.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count > 1 ? String(pair[1]) : ""
            return .setting(.environment(name: String(pair[0]), value: RawText(value)))
        case ("forward", false): return target(rest).map(Kind.forward)
        case ("listen", false): return place(rest).map(Kind.listen)
        default: return nil
        }
    }

    private static let window = WindowSize(columns: 80, rows: 24)

    private static func target(_ text: String) -> ForwardTarget? {
        guard !text.hasPrefix("/") else { return .unixSocket(path: text) }
        let origin = ForwardOrigin(host: "127.0.0.1", port: 0)
        return endpoint(text).map { .tcp(host: $0, port: $1, originator: origin) }
    }

    private static func place(_ text: String) -> ForwardAddress? {
        guard !text.hasPrefix("/") else { return .unixSocket(path: text) }
        return endpoint(text).map { .tcp(host: $0, port: $1) }
    }

    private static func endpoint(_ text: String) -> (String, UInt32)? {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt32(text[text.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return (String(host), port)
    }
}
