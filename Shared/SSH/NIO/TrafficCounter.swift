import Synchronization

/// Counts a socket's bytes on its loop, read from anywhere.
final class TrafficCounter: Sendable {
    private let received = Atomic<UInt64>(0)
    private let sent = Atomic<UInt64>(0)

    var traffic: ConnectionTraffic {
        ConnectionTraffic(
            received: received.load(ordering: .relaxed),
            sent: sent.load(ordering: .relaxed)
        )
    }

    func countReceived(_ bytes: Int) { received.wrappingAdd(UInt64(bytes), ordering: .relaxed) }

    func countSent(_ bytes: Int) { sent.wrappingAdd(UInt64(bytes), ordering: .relaxed) }
}
