import Dispatch
import Glibc
import Synchronization

/// Tells the service manager how the daemon is, as `sd_notify(3)` describes: datagrams to the
/// Unix socket that `NOTIFY_SOCKET` names. Does nothing where nobody listens.
package final class ServiceNotifier: Sendable {
    private let path: String?
    private let isMuted = Atomic(false)

    /// `path` begins with `/`, or with `@` for a name without a file.
    package init(path: String?) {
        self.path = path
    }

    package func ready() { send("READY=1") }

    package func stopping() { send("STOPPING=1") }

    /// To be followed by `ready()`.
    package func reloading() {
        // CLOCK_MONOTONIC, as sd_notify(3) wants it.
        let microseconds = DispatchTime.now().uptimeNanoseconds / 1000
        send("RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
    }

    /// Names the process that goes on in this one's place; what this one does afterwards is no
    /// longer told.
    package func succeeded(by process: Int32) {
        send("MAINPID=\(process)\nREADY=1")
        isMuted.store(true, ordering: .relaxed)
    }

    /// A manager that cannot be reached is not worth failing for.
    private func send(_ text: String) {
        guard let path, !isMuted.load(ordering: .relaxed) else { return }
        var name = Array(path.utf8)
        var address = sockaddr_un()
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.hasPrefix("/") || path.hasPrefix("@"), name.count < room else { return }
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        let socket = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let bytes = Array(text.utf8)
        let flags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe sendto(socket, bytes, bytes.count, flags, $0, length)
            }
        }
    }
}
