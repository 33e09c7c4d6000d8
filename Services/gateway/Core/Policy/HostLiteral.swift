import Glibc
import SharedConfig

/// Hosts as clients write them.
enum HostLiteral {
    /// Lower case, without the dot that ends a full name.
    static func canonical(_ host: String) -> String {
        let name = host.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    /// The address behind a literal, in the odd forms too that resolvers understand: `127.1`,
    /// `0x7f000001` (inet_aton(3)), `fe80::1%eth0`; `nil` for a name.
    static func address(_ host: String) -> IPAddress? {
        let bare = host.split(separator: "%", maxSplits: 1).first.map(String.init) ?? host
        if let address = IPAddress(bare) { return address }
        guard !bare.isEmpty, !bare.utf8.contains(where: { $0 == 0 || $0 == 0x20 }) else {
            return nil
        }
        // In network order.
        var bytes = [UInt8](repeating: 0, count: 4)
        let isParsed = unsafe bytes.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return unsafe inet_aton(bare, start.assumingMemoryBound(to: in_addr.self)) != 0
        }
        return isParsed ? IPAddress(bytes: bytes) : nil
    }
}
