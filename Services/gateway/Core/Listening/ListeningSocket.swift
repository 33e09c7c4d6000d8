import Glibc
import NIOCore
import SharedConfig
import SharedMessages
import SharedSSH

/// A socket that listens, and is closed when nothing refers to it any more.
///
/// Kept beside the server's own descriptor of it, so that it can be passed to a successor. Opening
/// one looks up names and may block.
final class ListeningSocket: Sendable {
    /// Where it really listens, with the port that the system chose for port 0.
    let address: SocketAddress
    let descriptor: CInt

    /// Takes over a descriptor that was inherited; throws unless it is a listening stream socket.
    init(inherited descriptor: CInt) throws {
        do {
            guard try Self.option(descriptor, SO_ACCEPTCONN) == 1,
                try Self.option(descriptor, SO_TYPE) == CInt(SOCK_STREAM.rawValue)
            else { throw IOError(errnoCode: EINVAL, reason: "not a listening stream socket") }
            address = try SocketAddress(localOf: descriptor)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    /// Opens, binds and listens.
    init(_ place: ListenAddress, _ options: ListenOptions) throws {
        let wanted = try Self.resolve(place)
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(wanted.protocol.family, kind, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        do {
            try Self.prepare(descriptor, wanted, options)
            try Self.bind(descriptor, wanted)
            guard listen(descriptor, CInt(options.backlog)) == 0 else {
                throw IOError(errnoCode: errno, reason: "listen")
            }
            address = try SocketAddress(localOf: descriptor)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    var isUnix: Bool { address.protocol == .unix }

    /// A descriptor of its own for the server.
    func duplicate() throws -> CInt {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw IOError(errnoCode: errno, reason: "fcntl") }
        return copy
    }

    /// Takes the name of a Unix socket away; nobody can connect to it any more.
    func removeName() {
        guard let path = address.pathname else { return }
        _ = unsafe unlink(path)
    }

    /// Whether this is the socket that `place` asks for; port 0 fits every port.
    func serves(_ place: ListenAddress) -> Bool {
        guard let wanted = try? Self.resolve(place) else { return false }
        if case .tcp(_, 0) = place {
            return wanted.protocol == address.protocol && wanted.ipAddress == address.ipAddress
        }
        return wanted == address
    }

    // MARK: - System calls

    private static func resolve(_ place: ListenAddress) throws -> SocketAddress {
        switch place {
        case .tcp(let host, let port):
            try SocketAddress.makeAddressResolvingHost(host, port: port)
        case .unix(let path):
            try SocketAddress(unixDomainSocketPath: path)
        }
    }

    private static func prepare(
        _ descriptor: CInt,
        _ address: SocketAddress,
        _ options: ListenOptions
    ) throws {
        guard address.protocol != .unix else { return }
        try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if options.reusesPort { try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        if address.protocol == .inet6 {
            // The system's default is a matter of its administrator (ipv6(7)); ours is not.
            let isAlone = address.port.map(options.isFreeForIPv4) ?? true
            try set(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, isAlone ? 0 : 1)
        }
    }

    private static func bind(_ descriptor: CInt, _ address: SocketAddress) throws {
        if let path = address.pathname { try removeAbandoned(path, address) }
        let code = unsafe address.withSockAddr { pointer, length in
            unsafe Glibc.bind(descriptor, pointer, socklen_t(length))
        }
        guard code == 0 else { throw IOError(errnoCode: errno, reason: "bind") }
        // Who connects proves who they are over SSH.
        if let path = address.pathname { _ = unsafe chmod(path, 0o666) }
    }

    /// Removes the name of a socket on which nobody listens any more.
    private static func removeAbandoned(_ path: String, _ address: SocketAddress) throws {
        let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        defer { close(probe) }
        let code = unsafe address.withSockAddr { pointer, length in
            unsafe connect(probe, pointer, socklen_t(length))
        }
        // Anything but a socket keeps its name, and bind(2) fails.
        if code != 0, errno == ECONNREFUSED { _ = unsafe unlink(path) }
    }

    private static func set(_ socket: CInt, _ level: CInt, _ name: CInt, _ value: CInt) throws {
        var value = value
        let size = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe setsockopt(socket, level, name, &value, size) == 0 else {
            throw IOError(errnoCode: errno, reason: "setsockopt")
        }
    }

    private static func option(_ socket: CInt, _ name: CInt) throws -> CInt {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 else {
            throw IOError(errnoCode: errno, reason: "getsockopt")
        }
        return value
    }
}

/// How listening sockets are opened.
struct ListenOptions: Sendable, Hashable {
    /// Connections that wait to be accepted; the kernel cuts it to `somaxconn`.
    var backlog: Int
    /// Whether each TCP address is opened once per event loop.
    var reusesPort: Bool
    /// TCP ports on which an IPv4 listener of the same configuration listens.
    fileprivate var ipv4Ports: Set<Int>

    init(backlog: Int, reusesPort: Bool, beside places: [ListenAddress]) {
        self.backlog = backlog
        self.reusesPort = reusesPort
        ipv4Ports = Set(
            places.compactMap { place in
                guard case .tcp(let host, let port) = place, !host.contains(":") else { return nil }
                return port
            }
        )
    }

    /// `[::]:22` takes IPv4 too unless something else of the list does on that port.
    fileprivate func isFreeForIPv4(_ port: Int) -> Bool { !ipv4Ports.contains(port) }
}

extension NIOBSDSocket.ProtocolFamily {
    fileprivate var family: CInt { rawValue }
}
