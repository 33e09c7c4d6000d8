import Foundation
import Glibc
import Synchronization

/// Ports of 127.0.0.1.
package enum Loopback {
    private static let given = Mutex<Set<UInt16>>([])

    /// One on which nobody listens and that the kernel gives to nobody by itself.
    package static func freePort() -> Int {
        while true {
            let port = UInt16.random(in: 10_000...17_999)
            guard given.withLock({ $0.insert(port).inserted }), !isListening(Int(port)) else {
                continue
            }
            return Int(port)
        }
    }

    /// The sockets, by their inode numbers, that are connected to `port` and that somebody has open.
    static func socketsConnected(to port: Int) -> [UInt64] {
        let table = try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)
        return (table ?? "").split(separator: "\n").dropFirst().compactMap { line in
            // sl local_address rem_address st queues timer retransmits uid timeout inode …
            let fields = line.split(separator: " ")
            guard fields.count > 9, let far = fields[2].split(separator: ":").last,
                Int(far, radix: 16) == port
            else { return nil }
            // A socket that is closed lives on for a while, as number 0.
            return UInt64(fields[9]).flatMap { $0 == 0 ? nil : $0 }
        }
    }

    package static func isListening(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
