import Synchronization

/// The way to one of several auditds, and the recordings that take it.
final class AuditdLink: Sendable {
    let number: Int
    /// For log lines.
    let name: String
    let transport: RecordingShipper.Transport
    let queue = WorkQueue()
    private let instance = Mutex<String?>(nil)
    private let lastSent = Mutex(ContinuousClock.now)

    init(_ number: Int, name: String, transport: @escaping RecordingShipper.Transport) {
        self.number = number
        self.name = name
        self.transport = transport
    }

    func noteSent() { lastSent.withLock { $0 = .now } }

    func isSilent(for time: Duration) -> Bool {
        ContinuousClock.now - lastSent.withLock { $0 } > time
    }

    /// Whether that is another process than the one that answered before.
    func isOther(_ name: String) -> Bool {
        instance.withLock { known in
            defer { known = name }
            return known != nil && known != name
        }
    }
}
