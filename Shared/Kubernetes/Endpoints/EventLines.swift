import NIOCore
import Synchronization

/// Cuts what a watch brings into lines.
struct EventLines {
    /// Pods have some KiB; the store behind the server takes 1.5 MiB.
    private static let longest = 4 << 20

    private var bytes: [UInt8] = []
    /// Before it there is no end of a line.
    private var searched = 0

    mutating func add(_ more: ByteBuffer) { bytes += more.readableBytesView }

    /// The next line that is not empty; `nil` when more bytes are needed.
    mutating func take() throws(ClusterFault) -> [UInt8]? {
        while let end = bytes[searched...].firstIndex(of: 0x0A) {
            let line = Array(bytes[..<end])
            bytes.removeSubrange(...end)
            searched = 0
            if !line.isEmpty { return line }
        }
        searched = bytes.count
        guard bytes.count <= Self.longest else { throw .tooLarge("an event") }
        return nil
    }
}

/// The same behind a lock.
final class LockedLines: Sendable {
    private let lines = Mutex(EventLines())

    func add(_ more: ByteBuffer) { lines.withLock { $0.add(more) } }
    func take() throws(ClusterFault) -> [UInt8]? {
        try lines.withLock { (lines) throws(ClusterFault) in try lines.take() }
    }
}
