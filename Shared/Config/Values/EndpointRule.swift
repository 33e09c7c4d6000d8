/// One line of a list of hosts and ports: `db.internal:5432`, `*.example.org:80-443`,
/// `10.0.0.0/8`, `[fd00::/8]:22`, `*:443`.
package struct EndpointRule: Sendable, Hashable {
    package enum Host: Sendable, Hashable {
        /// In lower case; `*` stands for any run of characters, `?` for one.
        case name(TextPattern)
        case network(IPNetwork)
    }

    package let host: Host
    /// Inclusive; without a port every one.
    package let ports: ClosedRange<UInt16>
    private let text: String

    package init?(_ text: String) {
        guard let (host, ports) = Self.split(text), let ports = Self.ports(ports),
            let host = Self.host(host)
        else { return nil }
        self.host = host
        self.ports = ports
        self.text = text
    }

    /// Whether the rule speaks of this host's name, as it was asked for, and of the port.
    package func matches(name: String, port: UInt16) -> Bool {
        guard case .name(let pattern) = host, ports.contains(port) else { return false }
        return pattern.matches(name.lowercased())
    }

    /// Whether the rule speaks of this address and the port. The name `*` speaks of all.
    package func matches(_ address: IPAddress, port: UInt16) -> Bool {
        guard ports.contains(port) else { return false }
        return switch host {
        case .network(let network): network.contains(address)
        case .name(let pattern): pattern.matchesEverything
        }
    }

    // MARK: - Parsing

    private static func split(_ text: String) -> (host: Substring, ports: Substring?)? {
        let text = Substring(text)
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            if rest.isEmpty { return (host, nil) }
            return rest.first == ":" ? (host, rest.dropFirst()) : nil
        }
        let colons = text.count { $0 == ":" }
        // Two colons without brackets: IPv6 without a port.
        guard colons == 1, let colon = text.firstIndex(of: ":") else { return (text, nil) }
        return (text[..<colon], text[text.index(after: colon)...])
    }

    private static func ports(_ text: Substring?) -> ClosedRange<UInt16>? {
        guard let text, text != "*" else { return 0...UInt16.max }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            .map { $0.allSatisfy(\.isASCIIDigit) ? UInt16($0) : nil }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else {
            return nil
        }
        return first...last
    }

    private static func host(_ text: Substring) -> Host? {
        if let network = IPNetwork(text) { return .network(network) }
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x61...0x7a, 0x41...0x5a, 0x30...0x39: true
            case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isName, !text.isEmpty, text.utf8.count <= 253 else { return nil }
        // A name of these characters is always a good pattern.
        return (try? TextPattern("glob:" + text.lowercased())).map(Host.name)
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}

extension EndpointRule: CustomStringConvertible {
    package var description: String { text }
}

extension EndpointRule: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> EndpointRule? {
        if let text = String.text(of: tree), let rule = EndpointRule(text) { return rule }
        let rule =
            "must be host:port such as db.internal:5432, *.example.org:80-443, "
            + "10.0.0.0/8 or [fd00::/8]:22"
        problems.append(ConfigProblem(path, value: tree.summary, rule))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .string(text) }
}
