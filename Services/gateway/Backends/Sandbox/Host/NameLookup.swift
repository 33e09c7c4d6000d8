import Glibc
import NIOPosix
import SharedConfig

/// What the machine's name service says a host's addresses are.
enum NameLookup {
    /// Threads of its own: a name server that does not answer holds up nothing but other look-ups.
    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        return pool
    }()

    /// The addresses in the order in which they are to be tried; empty when there are none.
    static func addresses(of host: String) async throws -> [IPAddress] {
        try await pool.runIfActive { ask(host) }
    }

    private static func ask(_ host: String) -> [IPAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &first) == 0 else { return [] }
        defer { unsafe freeaddrinfo(first) }
        var addresses: [IPAddress] = []
        var next = unsafe first
        while let info = unsafe next {
            if let address = unsafe address(info.pointee) { addresses.append(address) }
            unsafe next = info.pointee.ai_next
        }
        return addresses
    }

    private static func address(_ info: addrinfo) -> IPAddress? {
        guard let socket = unsafe info.ai_addr else { return nil }
        switch unsafe info.ai_family {
        case AF_INET:
            return unsafe socket.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                unsafe withUnsafeBytes(of: $0.pointee.sin_addr) {
                    unsafe IPAddress(bytes: Array($0))
                }
            }
        case AF_INET6:
            return unsafe socket.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                unsafe withUnsafeBytes(of: $0.pointee.sin6_addr) {
                    unsafe IPAddress(bytes: Array($0))
                }
            }
        default: return nil
        }
    }
}
