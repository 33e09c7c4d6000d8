import Glibc
import SharedMessages

/// Opens connected sockets to a syslog daemon.
enum SyslogSocket {
    /// A connected descriptor: for a path a Unix stream socket, else a Unix datagram socket; for
    /// `host:port` a UDP socket.
    static func connect(to destination: String) throws(CodedError) -> Int32 {
        guard destination.hasPrefix("/") else { return try connectUDP(destination) }
        var problem: Int32 = 0
        for kind in [SOCK_STREAM, SOCK_DGRAM] {
            let socket = unixSocket(destination, kind)
            if socket >= 0 { return socket }
            problem = errno
            guard problem == EPROTOTYPE else { break }
        }
        throw LogOutput.openFailed(destination, problem)
    }

    /// A descriptor, or -1 with `errno` set.
    private static func unixSocket(_ path: String, _ kind: __socket_type) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < capacity, !path.contains(0) else {
            errno = ENAMETOOLONG
            return -1
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        return unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connected(AF_UNIX, kind, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func connectUDP(_ destination: String) throws(CodedError) -> Int32 {
        guard let colon = destination.lastIndex(of: ":") else {
            throw CodedError(
                .logFileOpenFailed,
                detail: "\(destination): is neither a path nor host:port"
            )
        }
        let host = String(destination[..<colon]).trimmingBrackets
        let port = String(destination[destination.index(after: colon)...])
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, port, &hints, &list)
        defer { if let list = unsafe list { unsafe freeaddrinfo(list) } }
        guard status == 0 else {
            let reason = unsafe String(cString: gai_strerror(status))
            throw CodedError(.logFileOpenFailed, detail: "\(destination): \(reason)")
        }
        var next = unsafe list
        while let entry = unsafe next?.pointee {
            let socket = unsafe connected(
                entry.ai_family,
                SOCK_DGRAM,
                entry.ai_addr,
                entry.ai_addrlen
            )
            if socket >= 0 { return socket }
            unsafe next = unsafe entry.ai_next
        }
        throw LogOutput.openFailed(destination)
    }

    /// A connected descriptor whose sends end after five seconds, or -1 with `errno` set.
    private static func connected(
        _ family: Int32,
        _ kind: __socket_type,
        _ address: UnsafePointer<sockaddr>?,
        _ length: socklen_t
    ) -> Int32 {
        let descriptor = socket(family, Int32(kind.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return -1 }
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        guard unsafe Glibc.connect(descriptor, address, length) == 0 else {
            let problem = errno
            close(descriptor)
            errno = problem
            return -1
        }
        return descriptor
    }
}

extension String {
    /// An IPv6 literal without its brackets.
    fileprivate var trimmingBrackets: String {
        hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
    }
}
