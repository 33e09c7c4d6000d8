import Glibc
import NIOCore

/// Whether an engine on a Unix socket of ours runs beside this process, and so sees its files.
enum EngineNeighbourhood {
    /// Whether the process that serves the socket is one that we could see; its number is 0 when it
    /// is outside of the container that we are in (socket(7), SO_PEERCRED). Blocks for a moment.
    static func hasEngine(at path: String) -> Bool {
        guard let address = try? SocketAddress(unixDomainSocketPath: path) else { return false }
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let code = unsafe address.withSockAddr { pointer, length in
            unsafe connect(descriptor, pointer, socklen_t(length))
        }
        guard code == 0 else { return false }
        var peer: (process: Int32, user: UInt32, group: UInt32) = (0, 0, 0)
        var size = socklen_t(MemoryLayout.size(ofValue: peer))
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 else {
            return false
        }
        return peer.process > 0
    }
}
