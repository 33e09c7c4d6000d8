/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
package struct IPNetwork: Sendable, Hashable {
    package let address: IPAddress
    /// How many leading bits count; for IPv4 0...32, for IPv6 0...128.
    package let prefix: Int

    /// Parses an address with or without `/prefix`; bits behind the prefix do not matter.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }) else { return nil }
        let most = address.isIPv4 ? 32 : 128
        guard parts.count == 2 else {
            self.init(address, prefix: most)
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let prefix = Int(parts[1]),
            prefix <= most
        else { return nil }
        self.init(address, prefix: prefix)
    }

    init(_ address: IPAddress, prefix: Int) {
        let (high, low) = Self.masks(prefix + (address.isIPv4 ? 96 : 0))
        self.address = IPAddress(high: address.high & high, low: address.low & low)
        self.prefix = prefix
    }

    /// Whether `other` lies in the block. `::/0` holds no IPv4 address.
    package func contains(_ other: IPAddress) -> Bool {
        guard other.isIPv4 == address.isIPv4 else { return false }
        let (high, low) = Self.masks(prefix + (address.isIPv4 ? 96 : 0))
        return other.high & high == address.high && other.low & low == address.low
    }

    private static func masks(_ bits: Int) -> (high: UInt64, low: UInt64) {
        func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : .max << UInt64(64 - min(bits, 64)) }
        return (mask(bits), mask(bits - 64))
    }
}

extension IPNetwork: CustomStringConvertible {
    package var description: String { "\(address)/\(prefix)" }
}

extension IPNetwork: ConfigValue {
    package static func read(
        _ tree: ConfigTree,
        at path: String,
        problems: inout [ConfigProblem]
    ) -> IPNetwork? {
        if let text = String.text(of: tree), let network = IPNetwork(text) { return network }
        let rule = "must be an address or a network such as 10.0.0.0/8 or fd00::/8"
        problems.append(ConfigProblem(path, value: tree.summary, rule))
        return nil
    }

    package func tree(showSecrets: Bool) -> ConfigTree { .string(description) }
}
