import Glibc
package import NIOCore

extension SocketAddress {
    /// Where a socket is bound, or the local end of a connected one (getsockname(2)).
    package init(localOf descriptor: CInt) throws {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        self = try unsafe withUnsafeMutablePointer(to: &storage) { storage in
            let general = unsafe UnsafeMutableRawPointer(storage).assumingMemoryBound(
                to: sockaddr.self
            )
            guard unsafe getsockname(descriptor, general, &size) == 0 else {
                throw IOError(errnoCode: errno, reason: "getsockname")
            }
            let raw = UnsafeRawPointer(storage)
            switch CInt(unsafe storage.pointee.ss_family) {
            case AF_INET:
                return SocketAddress(unsafe raw.assumingMemoryBound(to: sockaddr_in.self).pointee)
            case AF_INET6:
                return SocketAddress(unsafe raw.assumingMemoryBound(to: sockaddr_in6.self).pointee)
            case AF_UNIX:
                return SocketAddress(unsafe raw.assumingMemoryBound(to: sockaddr_un.self).pointee)
            default:
                throw IOError(errnoCode: EAFNOSUPPORT, reason: "neither IP nor Unix")
            }
        }
    }
}
