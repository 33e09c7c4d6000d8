import GatewayCore
import SharedConfig

extension DialPermission {
    /// What may be dialled for a host, in this order. Addresses are checked here; any other name
    /// is resolved by the container, which has to be allowed for the name alone.
    func hosts(_ host: String, in network: DialNetwork) throws -> [String] {
        var addresses = IPAddress(host).map { [$0] } ?? []
        if ["", "localhost"].contains(host.lowercased()) { addresses = [.loopback4, .loopback6] }
        guard addresses.isEmpty else {
            return try permitted(addresses, from: network).map(\.description)
        }
        try permitUnresolved()
        return [host]
    }
}
