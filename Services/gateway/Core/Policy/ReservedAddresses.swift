import NIOCore
package import SharedConfig
import Synchronization

/// Addresses that nobody may reach through a forwarded connection, whatever the rules say.
package struct ReservedAddresses: Sendable {
    /// The addresses of the machine that the gateway runs on.
    private let own: @Sendable () -> Set<IPAddress>

    /// - Parameter own: the addresses of the gateway's machine; asked at each connection.
    package init(own: @escaping @Sendable () -> Set<IPAddress>) {
        self.own = own
    }

    /// With the addresses that this machine's network devices have, looked up every ten seconds.
    package static let ofThisMachine: ReservedAddresses = {
        let devices = DeviceAddresses()
        return ReservedAddresses { devices.current() }
    }()

    /// Whether `address`, dialled from `network`, is out of reach.
    package func contains(_ address: IPAddress, from network: DialNetwork) -> Bool {
        if let inner = address.embeddedIPv4, contains(inner, from: network) { return true }
        if Self.everywhere.contains(where: { $0.contains(address) }) { return true }
        let isLoopback = Self.loopback.contains { $0.contains(address) }
        return isLoopback ? network == .gateway : own().contains(address)
    }

    private static let loopback = networks(["127.0.0.0/8", "::1"])

    /// "This host" and link-local with the usual metadata service; the clouds' other addresses of
    /// it (Alibaba, Oracle, Azure; Amazon and Google over IPv6); multicast and broadcast.
    private static let everywhere = networks([
        "0.0.0.0/8", "::/128", "169.254.0.0/16", "fe80::/10",
        "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254",
        "224.0.0.0/4", "255.255.255.255", "ff00::/8",
    ])

    private static func networks(_ texts: [String]) -> [IPNetwork] {
        texts.compactMap { IPNetwork($0) }
    }
}

/// What the network devices of this machine are called, kept for a while.
private final class DeviceAddresses: Sendable {
    private static let age = Duration.seconds(10)
    private let known = Mutex<(at: ContinuousClock.Instant, addresses: Set<IPAddress>)?>(nil)

    func current() -> Set<IPAddress> {
        known.withLock { known in
            let now = ContinuousClock.now
            if let known, known.at + Self.age > now { return known.addresses }
            // A machine that does not tell keeps what it told before.
            let addresses = Self.read() ?? known?.addresses ?? []
            known = (now, addresses)
            return addresses
        }
    }

    private static func read() -> Set<IPAddress>? {
        guard let devices = try? System.enumerateDevices() else { return nil }
        let texts = devices.compactMap { $0.address?.ipAddress }
        return Set(texts.compactMap { $0.split(separator: "%").first.flatMap { IPAddress($0) } })
    }
}
